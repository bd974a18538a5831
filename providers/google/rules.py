"""What Google's models take, checked before anything is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..schema.checks.shown import short_name, shown
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Settings
from ..schema.tools import ProviderTool, Tool, ToolNames
from ..wire.media import MediaRules
from ..wire.settings_rules import SettingsRules
from .config import Google
from .content import MEDIA, NAME_CHARS, PartRules, is_tool_name
from .errors import PROVIDER
from .models import BUDGET, EFFORT_BUDGETS, LEVEL, GeminiRules, gemini_rules

SERVICE_TIERS = ("standard", "flex", "priority")
"""https://ai.google.dev/gemini-api/docs/priority-inference and .../flex-inference."""

_UNKNOWN = ModelFacts()
TOOL_NAMES = ToolNames(is_tool_name, f"up to {NAME_CHARS} of a-z, A-Z, 0-9, _ . : and -, and a letter or _ first")
_RULES = SettingsRules(
    api="Google",
    absent={"metadata": "give labels in the config"},
    max_stop_sequences=5,  # https://ai.google.dev/api/generate-content#generationconfig
    tool_names=TOOL_NAMES,
    tool_choice_modes=("auto", "required", "none", "tool", "validated"),
    one_tool_at_a_time=False,
    efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
    present=frozenset({"service_tier"}),
    provider=PROVIDER,
    limits_tool_choice=True,
)
_SEED_BITS = 31
_MAX_FUNCTIONS = 512  # the SDK's FunctionDeclarations


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, about which *facts* are known, at the Gemini API or at Vertex AI.

    *source* is the ``Origin.source`` of the answers. *members* are those that the config adds to each request.
    """

    model: str
    vertex: bool = False
    facts: ModelFacts = _UNKNOWN
    source: str = ""
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def rules(self) -> GeminiRules:
        """What is documented about the model; its facts are those of *facts*, where these are known."""
        return gemini_rules(self.model, self.vertex, self.facts)

    @cached_property
    def parts(self) -> PartRules:
        """What shapes the parts of messages to the model."""
        rules = self.rules
        return PartRules(self.media, self.source, rules.needs_signatures, rules.takes_result_media)

    @cached_property
    def media(self) -> MediaRules:
        """The images and documents that the model takes."""
        return MEDIA.of(self.rules.facts)

    @property
    def reports_tools(self) -> bool:
        """True if the API reports uses of its own tools, next to functions, in parts that have to be sent back."""
        return not self.vertex and self.rules.takes_result_media

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
    _check_strict(settings)
    _RULES.check(settings, dialect.model, dialect.rules.facts)
    if settings.seed is not None and not -(1 << _SEED_BITS) <= settings.seed < 1 << _SEED_BITS:
        raise InvalidConfig("seed", "Google takes a number of 32 bits")
    _check_penalties(settings, dialect)
    _check_tools(settings, dialect)
    _check_tool_choice(settings, dialect)
    _check_thinking(settings, dialect)
    _check_service_tier(settings, dialect)
    _check_cache(settings, dialect)


def _check_strict(settings: Settings) -> None:
    for number, tool in enumerate(settings.tools):
        if isinstance(tool, Tool) and tool.strict:
            problem = "Google holds all tools to their schemas or none; give tool_choice with the mode 'validated'"
            raise InvalidConfig(f"tools[{number}].strict", problem)


def _check_penalties(settings: Settings, dialect: Dialect) -> None:
    """https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/3-6-flash: they are an error."""
    for name in ("frequency_penalty", "presence_penalty"):
        if getattr(settings, name) and not dialect.rules.takes_penalties:
            raise InvalidConfig(
                name, f"{short_name(dialect.model)} rejects penalties; remove it, and steer it by the prompt"
            )


def _check_tools(settings: Settings, dialect: Dialect) -> None:
    """https://ai.google.dev/gemini-api/docs/tool-combination; image models take Google's own tools only."""
    if not dialect.rules.takes_functions and any(isinstance(tool, Tool) for tool in settings.tools):
        raise InvalidConfig(
            "tools", f"{short_name(dialect.model)} takes Google's own tools only; choose another model for yours"
        )
    if sum(isinstance(tool, Tool) for tool in settings.tools) > _MAX_FUNCTIONS:
        raise InvalidConfig("tools", f"Google takes up to {_MAX_FUNCTIONS} of your own")
    if dialect.rules.combines_tools or not settings.tools:
        return
    # "Function calling with a response mime type: 'application/json' is unsupported", says the API of older models.
    if settings.output_schema is not None:
        raise InvalidConfig("output_schema", f"{short_name(dialect.model)} takes either a schema or tools")
    if len({isinstance(tool, ProviderTool) for tool in settings.tools}) > 1:
        raise InvalidConfig(
            "tools", f"{short_name(dialect.model)} takes either Google's tools or your own, before Gemini 3"
        )


def _check_tool_choice(settings: Settings, dialect: Dialect) -> None:
    """https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes."""
    choice = settings.tool_choice
    if choice is None or not settings.tools:
        return
    names = {tool.name for tool in settings.tools if isinstance(tool, Tool)}
    if not names and (choice.mode != "auto" or choice.allowed):
        problem = "Google applies it to your own tools, and there are none; leave it out"
        raise InvalidConfig("tool_choice", problem)
    if (choice.mode == "validated" or (choice.mode == "auto" and choice.allowed)) and not dialect.rules.validates_calls:
        field = "tool_choice.mode" if choice.mode == "validated" else "tool_choice.allowed"
        raise InvalidConfig(field, f"{short_name(dialect.model)} does not have the mode VALIDATED, which this takes")
    if choice.name is not None and choice.name not in names:
        raise InvalidConfig("tool_choice.name", f"there is no tool {shown(choice.name)} in tools")
    if unknown := [name for name in choice.allowed if name not in names]:
        raise InvalidConfig("tool_choice.allowed", f"there is no tool {shown(unknown[0])} in tools")


def _check_thinking(settings: Settings, dialect: Dialect) -> None:
    thinking = settings.thinking
    if thinking is None:
        return
    types = dialect.rules.facts.thinking_types or (LEVEL, BUDGET)
    if thinking.effort is not None and thinking.budget_tokens is not None:
        raise InvalidConfig("thinking", "Google takes either an effort or a budget")
    if thinking.effort not in (None, "none", *EFFORT_BUDGETS) and LEVEL not in types:
        raise InvalidConfig(
            "thinking.effort", f"{short_name(dialect.model)} takes {', '.join(EFFORT_BUDGETS)}, or a budget"
        )
    if thinking.budget_tokens is not None:
        if BUDGET not in types:
            raise InvalidConfig("thinking.budget_tokens", f"{short_name(dialect.model)} takes an effort, not a budget")
        least, most = dialect.rules.budget_tokens or (1, thinking.budget_tokens)
        if not least <= thinking.budget_tokens <= most:
            raise InvalidConfig("thinking.budget_tokens", f"{short_name(dialect.model)} takes {least:,} to {most:,}")


def _check_service_tier(settings: Settings, dialect: Dialect) -> None:
    if settings.service_tier is None:
        return
    if dialect.vertex:
        header = "X-Vertex-AI-LLM-Shared-Request-Type"
        raise InvalidConfig("service_tier", f"Vertex AI takes it in a header; give {header} in extra_headers")
    if settings.service_tier not in SERVICE_TIERS:
        raise InvalidConfig("service_tier", f"Google takes {', '.join(SERVICE_TIERS)}")


def check_config(config: Google) -> None:
    """Reject what the model or the endpoint of *config* does not have.

    https://ai.google.dev/gemini-api/docs/caching and https://ai.google.dev/api/generate-content#SafetySetting.

    Raises:
        InvalidConfig: the field is named.
    """
    vertex = bool(config.vertex)
    if config.cached_content is not None and not gemini_rules(config.model, vertex).takes_caches:
        raise InvalidConfig(
            "provider.cached_content",
            f"{short_name(config.model)} has no explicit caches; leave it out, it caches by itself",
        )
    for number, setting in enumerate(config.safety_settings or ()):
        if "method" in setting and not vertex:
            raise InvalidConfig(f"provider.safety_settings[{number}]", "the method is Vertex AI's; leave it out")


def _check_cache(settings: Settings, dialect: Dialect) -> None:
    """https://ai.google.dev/api/caching: the cache has the system prompt, the tools and the tool choice in it."""
    if "cachedContent" not in dialect.members:
        return
    for name in ("system", "tools"):
        if getattr(settings, name):
            raise InvalidConfig(name, "it is part of provider.cached_content; give it where you create the cache")
