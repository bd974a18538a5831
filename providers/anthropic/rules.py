"""What Anthropic's Messages API takes of the settings, by the facts of the model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from ..claude.thinking import check_thinking, thinking_member
from ..schema.checks.shown import short_name
from ..schema.errors import InvalidConfig
from ..schema.request import Settings
from ..schema.tools import Tool, ToolNames
from ..wire.settings_rules import SettingsRules
from .content import TOOL_NAME
from .errors import PROVIDER
from .requests import Dialect, defers

TOOL_NAMES = ToolNames(TOOL_NAME.fits, TOOL_NAME.form)
_RULES = SettingsRules(
    api="Anthropic",
    absent={
        **dict.fromkeys(("frequency_penalty", "presence_penalty", "seed"), ""),
        "verbosity": "ask for it in the system prompt",
        "metadata": "give user, the only member that its metadata has",
        "prompt_cache_key": "it finds what is cached by the beginning of the request",
    },
    max_temperature=1,
    tool_names=TOOL_NAMES,
    efforts=("none", "low", "medium", "high", "xhigh", "max"),
    present=frozenset({"prompt_cache_ttl", "user", "service_tier"}),
    provider=PROVIDER,
    strict_tools=True,
    deferred_tools=True,
)
_CACHE_TTLS = ("5m", "1h")
_SERVICE_TIERS = ("auto", "standard_only")
MAX_STRICT_TOOLS = 20


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    _RULES.check(settings, dialect.model, dialect.facts)
    check_thinking(settings, dialect.model, dialect.facts)
    _check_extra_thinking(settings, dialect)
    if settings.prompt_cache_ttl not in (None, *_CACHE_TTLS):
        raise InvalidConfig("prompt_cache_ttl", f"Anthropic keeps a prefix for {' or '.join(_CACHE_TTLS)}")
    if settings.prompt_cache_ttl is not None and not settings.prompt_caching:
        raise InvalidConfig("prompt_cache_ttl", "prompt_caching is off; turn it on, or leave this out")
    if settings.service_tier not in (None, *_SERVICE_TIERS):
        raise InvalidConfig("service_tier", f"Anthropic takes {' or '.join(_SERVICE_TIERS)}")
    _check_tools(settings, dialect)
    if dialect.facts.fits_schemas:
        _check_closed(settings.output_schema, "output_schema")


def _check_tools(settings: Settings, dialect: Dialect) -> None:
    """https://platform.claude.com/docs/en/agents-and-tools/tool-use/strict-tool-use and .../tool-search-tool"""
    if settings.tools and all(map(defers, settings.tools)):
        raise InvalidConfig("tools", "they can't all be deferred: add Anthropic's tool search, or leave one undeferred")
    strict = [index for index, tool in enumerate(settings.tools) if isinstance(tool, Tool) and tool.strict]
    if strict and dialect.facts.fits_schemas is False:
        raise InvalidConfig(
            f"tools[{strict[0]}].strict", f"{short_name(dialect.model)} does not hold tool input to a schema"
        )
    if len(strict) > MAX_STRICT_TOOLS:
        raise InvalidConfig(
            f"tools[{strict[MAX_STRICT_TOOLS]}].strict", f"Anthropic takes up to {MAX_STRICT_TOOLS} strict tools"
        )
    for index in strict:
        tool = settings.tools[index]
        if isinstance(tool, Tool):
            _check_closed(tool.input_schema, f"tools[{index}].input_schema")


def _check_closed(schema: object, field: str) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations"""
    if (place := next(_open_objects(schema), None)) is not None:
        raise InvalidConfig(
            f"{field}{place}", "Claude fits a schema only if its objects all have additionalProperties: false"
        )


def _open_objects(schema: object, place: str = "") -> Iterator[str]:
    """The places in *schema* of those objects that may have members which it does not name."""
    members = _members(schema)
    if members.get("type") == "object" and members.get("additionalProperties") is not False:
        yield place
    for name in ("properties", "$defs", "definitions"):
        for key, member in _members(members.get(name)).items():
            yield from _open_objects(member, f"{place}.{name}.{key}")
    for name in ("anyOf", "allOf", "oneOf"):
        for number, member in enumerate(cast("Sequence[object]", members.get(name) or ())):
            yield from _open_objects(member, f"{place}.{name}[{number}]")
    if "items" in members:
        yield from _open_objects(members["items"], f"{place}.items")


def _members(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _check_extra_thinking(settings: Settings, dialect: Dialect) -> None:
    """Further members of thinking need one that is on.

    https://platform.claude.com/docs/en/build-with-claude/preserved-thinking on ``block_binding``
    """
    if "thinking" not in (dialect.extra_body or {}):
        return
    member = thinking_member(settings.thinking, dialect.facts)
    if member is None or member["type"] not in ("adaptive", "enabled"):
        raise InvalidConfig("provider.extra_body.thinking", "give thinking in the settings too, with an effort")
