"""Requests to Cohere's v2 chat: https://docs.cohere.com/reference/chat."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import msgspec

from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Reasoning, Request, Settings
from ..schema.tools import ToolChoice
from ..wire.media import MediaRules
from ..wire.request_body import function_tool, json_body, members, tool_members
from ..wire.settings_rules import SettingsRules
from .content import MEDIA, wire_messages

_RULES = SettingsRules(
    api="Cohere",
    max_stop_sequences=5,
    tool_choice_modes=("auto", "required", "none"),
    one_tool_at_a_time=False,
    efforts=(),
)
_MAX_TOP_K = 500
_MIN_TOP_P, _MAX_TOP_P = 0.01, 0.99
_MODES = {"required": "REQUIRED", "none": "NONE"}
_MEMBERS = {
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}
_UNKNOWN = ModelFacts()
_json = msgspec.json.encode
_Object = dict[str, Any]


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, about which *facts* are known."""

    model: str
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def media(self) -> MediaRules:
        """The images that the model takes."""
        return MEDIA.of(self.facts)


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    _check_numbers(settings)
    if settings.output_schema is not None and settings.tools:
        raise InvalidConfig("output_schema", "Cohere accepts a schema or tools, not both; remove one")
    _RULES.check(settings, dialect.model, dialect.facts)


def _check_numbers(settings: Settings) -> None:
    """The ranges are those of the reference. That one penalty excludes the other is known from the API's errors.

    https://docs.cohere.com/reference/errors
    """
    if settings.top_p is not None and not _MIN_TOP_P <= settings.top_p <= _MAX_TOP_P:
        raise InvalidConfig("top_p", f"Cohere takes {_MIN_TOP_P} to {_MAX_TOP_P}")
    if settings.top_k is not None and settings.top_k > _MAX_TOP_K:
        raise InvalidConfig("top_k", f"Cohere takes up to {_MAX_TOP_K}")
    if settings.seed is not None and settings.seed < 0:
        raise InvalidConfig("seed", "Cohere accepts 0 or more")
    for name in ("frequency_penalty", "presence_penalty"):
        if not 0 <= (getattr(settings, name) or 0) <= 1:
            raise InvalidConfig(name, "Cohere takes 0 to 1")
    if settings.frequency_penalty and settings.presence_penalty:
        raise InvalidConfig("presence_penalty", "Cohere accepts this or frequency_penalty, not both; remove one")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    encoded = request.memo.forms(request.messages, dialect, partial(wire_messages, dialect.media))
    system = request.settings.system
    first = [_json({"role": "system", "content": system})] if system else []
    head = _head(request.settings, dialect.model, streaming)
    return json_body(head, "messages", [*first, *filter(None, encoded)])


def _head(settings: Settings, model: str, streaming: bool) -> _Object:
    """Everything but the messages."""
    head: _Object = {"model": model, "stream": streaming, **tool_members(settings, function_tool, _tool_choice)}
    if settings.stop_sequences:
        head["stop_sequences"] = settings.stop_sequences
    if settings.thinking is not None:
        head["thinking"] = _thinking(settings.thinking)
    if settings.output_schema is not None:
        head["response_format"] = {"type": "json_object", "json_schema": settings.output_schema}
    return head | members(settings, _MEMBERS)


def _tool_choice(choice: ToolChoice) -> _Object:
    return {"tool_choice": _MODES[choice.mode]} if choice.mode in _MODES else {}


def _thinking(thinking: Reasoning) -> _Object:
    budget = {} if thinking.budget_tokens is None else {"token_budget": thinking.budget_tokens}
    return {"type": "enabled", **budget}
