"""What Amazon Bedrock takes of the settings, by the family of the model."""

import re
from functools import lru_cache

from ..claude.thinking import check_thinking
from ..schema.checks.shown import short_name, shown
from ..schema.errors import InvalidConfig
from ..schema.request import Reasoning, Settings
from ..schema.tools import Tool, ToolChoice, ToolNames
from ..wire.settings_rules import SettingsRules
from .content import TOOL_NAME
from .dialect import Dialect
from .errors import PROVIDER
from .model_families import Family, ModelTraits, ThinkingField

_EFFORTS = ("none", "low", "medium", "high", "xhigh", "max")
_TIERS = ("default", "priority", "flex", "reserved")
_TTLS = ("5m", "1h")
_MAX_STRICT_TOOLS = 20
_MIN_GPT_OUTPUT_TOKENS = 16
_MAX_METADATA = 16
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax
_is_metadata_key = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}", re.ASCII).fullmatch
_is_metadata_value = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII).fullmatch

TOOL_NAMES = ToolNames(TOOL_NAME.fits, TOOL_NAME.form)


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    traits = dialect.traits
    facts = dialect.facts
    _rules(traits, facts.fits_schemas is not False, facts.thinks is False).check(settings, dialect.model, facts)
    if not all(settings.stop_sequences):
        raise InvalidConfig("stop_sequences", "Bedrock rejects empty ones; remove them")
    _check_tools(settings)
    _check_request_members(settings, dialect.model, traits)
    match traits.family:
        case Family.CLAUDE:
            check_thinking(settings, dialect.model, dialect.facts)
        case Family.NOVA if settings.thinking is not None:
            _check_nova_thinking(settings, settings.thinking)
        case Family.GPT if (settings.max_output_tokens or _MIN_GPT_OUTPUT_TOKENS) < _MIN_GPT_OUTPUT_TOKENS:
            raise InvalidConfig(
                "max_output_tokens", f"{short_name(dialect.model)} takes {_MIN_GPT_OUTPUT_TOKENS} or more"
            )
        case _:
            pass


@lru_cache(maxsize=64)
def _rules(traits: ModelTraits, holds_schemas: bool, never_thinks: bool) -> SettingsRules:
    """The rules for models with *traits*; *holds_schemas* is whether tool input may be held to a schema.

    Of a model that *never_thinks* the facts tell more exactly what is wrong with a request for thinking.
    """
    claude, has_top_k = traits.family is Family.CLAUDE, traits.family in (Family.CLAUDE, Family.NOVA)
    absent: dict[str, str] = dict.fromkeys(("frequency_penalty", "presence_penalty", "seed"), "")
    absent["user"] = "give metadata"
    if not traits.caches:
        absent["prompt_cache_ttl"] = f"it keeps cache points of its {Family.CLAUDE} and {Family.NOVA} models only"
    return SettingsRules(
        api="Bedrock",
        absent=absent if has_top_k else {**absent, "top_k": "only its Claude and Nova models have it"},
        max_temperature=1,
        max_stop_sequences=2_500,
        tool_names=TOOL_NAMES,
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html; Claude has its own, too.
        tool_choice_modes=("auto", "required", "none", "tool") if claude else ("auto", "required", "tool"),
        one_tool_at_a_time=claude,
        efforts=_EFFORTS if never_thinks or traits.thinking_field is not None else (),
        takes_thinking_budget=never_thinks or traits.thinking_field is ThinkingField.CLAUDE,
        present=frozenset({"prompt_cache_ttl", "metadata", "service_tier"}),
        provider=PROVIDER,
        strict_tools=holds_schemas,
    )


def _check_tools(settings: Settings) -> None:
    own = [tool for tool in settings.tools if isinstance(tool, Tool)]
    if sum(tool.strict for tool in own) > _MAX_STRICT_TOOLS:
        # https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
        raise InvalidConfig("tools", f"Bedrock takes {_MAX_STRICT_TOOLS} strict tools in a request; make fewer strict")
    choice = settings.tool_choice or ToolChoice()
    if settings.tools and not own and choice.mode in ("required", "tool"):
        raise InvalidConfig("tool_choice.mode", "Bedrock's own tools can't be forced; give 'auto'")


def _check_request_members(settings: Settings, model: str, traits: ModelTraits) -> None:
    if settings.service_tier is not None and settings.service_tier not in _TIERS:
        raise InvalidConfig("service_tier", f"Bedrock takes {', '.join(_TIERS)}")
    if (ttl := settings.prompt_cache_ttl) is not None:
        if ttl not in _TTLS:
            raise InvalidConfig("prompt_cache_ttl", f"Bedrock takes {', '.join(_TTLS)}")
        if ttl != "5m" and not traits.caches_long:
            raise InvalidConfig("prompt_cache_ttl", f"{short_name(model)} keeps a cache for '5m' only; leave it out")
    metadata = settings.metadata or {}
    if len(metadata) > _MAX_METADATA:
        raise InvalidConfig("metadata", f"Bedrock takes {_MAX_METADATA} entries; remove some")
    for key, value in metadata.items():
        if not (_is_metadata_key(key) and _is_metadata_value(value)):
            raise InvalidConfig(
                f"metadata[{shown(key)}]", "Bedrock takes up to 256 of a-z, A-Z, 0-9, space and : _ @ $ # = / + , . -"
            )


def _check_nova_thinking(settings: Settings, thinking: Reasoning) -> None:
    """https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html"""
    if thinking.effort != "high":
        return
    for name in ("temperature", "top_p", "max_output_tokens"):
        if getattr(settings, name) is not None:
            raise InvalidConfig(name, "Nova rejects it with the effort 'high'; remove it, or give a lower effort")
