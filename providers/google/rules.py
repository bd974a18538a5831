"""What Google's models take, checked before anything is sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Settings
from ..wire.media import MediaRules
from ..wire.settings_rules import SettingsRules, ToolNames
from .content import MEDIA, NAME_CHARS, is_tool_name

_UNKNOWN = ModelFacts()
_RULES = SettingsRules(
    api="Google",
    max_stop_sequences=5,  # https://ai.google.dev/api/generate-content#generationconfig
    tool_names=ToolNames(is_tool_name, f"up to {NAME_CHARS} of a-z, A-Z, 0-9, _ . : and -, and a letter or _ first"),
    one_tool_at_a_time=False,
    efforts=("minimal", "low", "medium", "high", "xhigh"),
)
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
    """What shapes requests to *model*, about which *facts* are known, at the Gemini API or at Vertex AI."""

    model: str
    vertex: bool = False
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def media(self) -> MediaRules:
        """The images and documents that the model takes."""
        return MEDIA.of(self.facts)

    @cached_property
    def generation(self) -> int | None:
        """The number in the model's name, such as 3; ``None`` where it has none."""
        found = _generation.search(self.model)
        return int(found[1]) if found else None

    @property
    def signs(self) -> bool:
        """True if the model rejects tool uses without a signature: from Gemini 3 on, and the latest ones."""
        return self.generation >= 3 if self.generation is not None else self.model.endswith("-latest")

    def path(self, streaming: bool) -> str:
        """The path of requests, after the version and, at Vertex AI, after project and location."""
        method = "streamGenerateContent?alt=sse" if streaming else "generateContent"
        return f"{self._resource()}:{method}"

    def _resource(self) -> str:
        """The model's resource name. A short name means a model of Google, as in its SDK."""
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
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    _RULES.check(settings, dialect.model, dialect.facts)
    if settings.seed is not None and not -(1 << _SEED_BITS) <= settings.seed < 1 << _SEED_BITS:
        raise InvalidConfig("seed", "Google takes a number of 32 bits")
    # "Function calling with a response mime type: 'application/json' is unsupported", says the API of older models.
    if settings.output_schema is not None and settings.tools and dialect.generation in (1, 2):
        raise InvalidConfig("output_schema", f"{dialect.model} takes either a schema or tools")
    _check_thinking(settings, dialect)


def _check_thinking(settings: Settings, dialect: Dialect) -> None:
    thinking = settings.thinking
    if thinking is None:
        return
    if thinking.effort is not None and thinking.budget_tokens is not None:
        raise InvalidConfig("thinking", "Google takes either an effort or a budget")
    if thinking.effort is not None and dialect.generation in (1, 2):
        raise InvalidConfig("thinking.effort", f"{dialect.model} takes a budget; efforts are from Gemini 3 on")
    if thinking.budget_tokens is not None:
        name = next((name for name in _BUDGETS if name in dialect.model), None)
        least, most = _BUDGETS[name] if name else (1, thinking.budget_tokens)
        if not least <= thinking.budget_tokens <= most:
            raise InvalidConfig("thinking.budget_tokens", f"{dialect.model} takes {least:,} to {most:,}")
