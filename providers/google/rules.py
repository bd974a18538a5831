"""What Google's models take, told before anything is sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Settings
from ..wire.media import MediaRules
from ..wire.model_abilities import check_abilities
from .content import MEDIA, NAME_CHARS, is_tool_name

_UNKNOWN = ModelFacts()
_STOP_SEQUENCES = 5  # https://ai.google.dev/api/generate-content#generationconfig
_SEED_BITS = 31
_generation = re.compile(r"gemini-(\d+)")

# https://ai.google.dev/gemini-api/docs/thinking#set-budget: the least and the most, and whether thinking can't be off.
_BUDGETS: Mapping[str, tuple[int, int]] = {
    "gemini-2.5-flash-lite": (512, 24_576),
    "gemini-2.5-flash": (1, 24_576),
    "gemini-2.5-pro": (128, 32_768),
}


@dataclass(frozen=True)
class Dialect:
    """The API as it is spoken with *model*, of which *facts* are known: the Gemini API's, or Vertex AI's."""

    model: str
    vertex: bool = False
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def media(self) -> MediaRules:
        """What images and documents are taken."""
        return MEDIA.of(self.facts)

    @cached_property
    def generation(self) -> int | None:
        """The number in the model's name, such as 3; ``None`` where it has none."""
        found = _generation.search(self.model)
        return int(found[1]) if found else None

    @property
    def signs(self) -> bool:
        """Whether the model refuses tool uses without a signature: from Gemini 3 on they do, and so the latest."""
        return self.generation >= 3 if self.generation is not None else self.model.endswith("-latest")

    def path(self, streaming: bool) -> str:
        """Where requests go, behind the version and, at Vertex AI, behind project and location."""
        method = "streamGenerateContent?alt=sse" if streaming else "generateContent"
        return f"{self._resource()}:{method}"

    def _resource(self) -> str:
        """The model's full name: a short one is Google's, as in its SDK."""
        model = self.model
        if self.vertex and model.startswith(("projects/", "publishers/", "models/")):
            return model
        if self.vertex and "/" in model:
            publisher, _, name = model.partition("/")
            return f"publishers/{publisher}/models/{name}"
        if self.vertex:
            return f"publishers/google/models/{model}"
        return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Refuse what the API would refuse, and what the model can't do.

    Raises:
        InvalidConfig: the field is named.
    """
    if len(settings.stop_sequences) > _STOP_SEQUENCES:
        raise InvalidConfig("stop_sequences", f"Google takes up to {_STOP_SEQUENCES}")
    if settings.seed is not None and not -(1 << _SEED_BITS) <= settings.seed < 1 << _SEED_BITS:
        raise InvalidConfig("seed", "Google takes a number of 32 bits")
    _check_tools(settings, dialect)
    _check_thinking(settings, dialect)
    check_abilities(settings, dialect.model, dialect.facts)


def _check_tools(settings: Settings, dialect: Dialect) -> None:
    for number, tool in enumerate(settings.tools):
        if not is_tool_name(tool.name):
            problem = f"Google takes up to {NAME_CHARS} of a-z, A-Z, 0-9, _ . : and -, and a letter or _ first"
            raise InvalidConfig(f"tools[{number}].name", problem)
    if settings.tool_choice is not None and not settings.tool_choice.parallel:
        raise InvalidConfig("tool_choice.parallel", "Google has no way to ask for one tool at a time")
    # "Function calling with a response mime type: 'application/json' is unsupported", says the API of older ones.
    if settings.output_schema is not None and settings.tools and dialect.generation in (1, 2):
        raise InvalidConfig("output_schema", f"{dialect.model} takes either a schema or tools")


def _check_thinking(settings: Settings, dialect: Dialect) -> None:
    thinking = settings.thinking
    if thinking is None:
        return
    if thinking.effort is not None and thinking.budget_tokens is not None:
        raise InvalidConfig("thinking", "Google takes either an effort or a budget")
    if thinking.effort is not None and dialect.generation in (1, 2):
        raise InvalidConfig("thinking.effort", f"{dialect.model} takes a budget; efforts are from Gemini 3 on")
    if thinking.effort == "max":
        raise InvalidConfig("thinking.effort", "Google takes minimal, low, medium, high and xhigh")
    if thinking.budget_tokens is not None:
        name = next((name for name in _BUDGETS if name in dialect.model), None)
        least, most = _BUDGETS[name] if name else (1, thinking.budget_tokens)
        if not least <= thinking.budget_tokens <= most:
            raise InvalidConfig("thinking.budget_tokens", f"{dialect.model} takes {least:,} to {most:,}")
