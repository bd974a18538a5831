"""Requests to Cohere's v2 chat: https://docs.cohere.com/reference/chat."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import msgspec

from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Reasoning, Request, Settings
from ..schema.tools import Tool
from ..wire.media import MediaRules
from ..wire.model_abilities import check_abilities
from .content import MEDIA, wire_messages

_STOP_SEQUENCES = 5
_MOST_TOP_K = 500
_LEAST_TOP_P, _MOST_TOP_P = 0.01, 0.99
_MODES = {"required": "REQUIRED", "none": "NONE"}
_NAMES = {
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
    """The API as it is spoken with *model*, of which *facts* are known."""

    model: str
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def media(self) -> MediaRules:
        """What images are taken."""
        return MEDIA.of(self.facts)


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Refuse what the API has no member for or would refuse, and what the model can't do.

    Raises:
        InvalidConfig: the field is named.
    """
    _check_numbers(settings)
    if len(settings.stop_sequences) > _STOP_SEQUENCES:
        raise InvalidConfig("stop_sequences", f"Cohere takes up to {_STOP_SEQUENCES}")
    if settings.tool_choice is not None and settings.tool_choice.mode == "tool":
        raise InvalidConfig("tool_choice.mode", "Cohere takes auto, required and none")
    if settings.tool_choice is not None and not settings.tool_choice.parallel:
        raise InvalidConfig("tool_choice.parallel", "Cohere can't ask for one tool at a time")
    if settings.thinking is not None and settings.thinking.effort is not None:
        raise InvalidConfig("thinking.effort", "Cohere takes a budget, not an effort")
    if settings.output_schema is not None and settings.tools:
        raise InvalidConfig("output_schema", "Cohere takes none beside tools")
    check_abilities(settings, dialect.model, dialect.facts)


def _check_numbers(settings: Settings) -> None:
    """The ranges are those of the reference; that one penalty excludes the other is said by the API's errors.

    https://docs.cohere.com/reference/errors
    """
    if settings.top_p is not None and not _LEAST_TOP_P <= settings.top_p <= _MOST_TOP_P:
        raise InvalidConfig("top_p", f"Cohere takes {_LEAST_TOP_P} to {_MOST_TOP_P}")
    if settings.top_k is not None and settings.top_k > _MOST_TOP_K:
        raise InvalidConfig("top_k", f"Cohere takes up to {_MOST_TOP_K}")
    if settings.seed is not None and settings.seed < 0:
        raise InvalidConfig("seed", "Cohere takes none below 0")
    for name in ("frequency_penalty", "presence_penalty"):
        if not 0 <= (getattr(settings, name) or 0) <= 1:
            raise InvalidConfig(name, "Cohere takes 0 to 1")
    if settings.frequency_penalty and settings.presence_penalty:
        raise InvalidConfig("presence_penalty", "Cohere takes either this or frequency_penalty")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    forms = request.memo.forms(request.messages, dialect, partial(wire_messages, dialect.media))
    system = request.settings.system
    first = [_json({"role": "system", "content": system})] if system else []
    messages = [*first, *filter(None, forms)] or [b""]
    # The ends go to the first and the last message, so that a long history is copied once.
    messages[0] = b'%b,"messages":[%b' % (_json(_head(request.settings, dialect.model, streaming))[:-1], messages[0])
    messages[-1] += b"]}"
    return b",".join(messages)


def _head(settings: Settings, model: str, streaming: bool) -> _Object:
    """Everything but the messages."""
    given: _Object = {"model": model, "stream": streaming}
    if settings.tools:
        given["tools"] = [_tool(tool) for tool in settings.tools]
        if settings.tool_choice is not None and settings.tool_choice.mode in _MODES:
            given["tool_choice"] = _MODES[settings.tool_choice.mode]
    if settings.stop_sequences:
        given["stop_sequences"] = settings.stop_sequences
    if settings.thinking is not None:
        given["thinking"] = _thinking(settings.thinking)
    if settings.output_schema is not None:
        given["response_format"] = {"type": "json_object", "json_schema": settings.output_schema}
    numbers = {theirs: getattr(settings, ours) for ours, theirs in _NAMES.items()}
    return given | {name: number for name, number in numbers.items() if number is not None}


def _tool(tool: Tool) -> _Object:
    described = {"description": tool.description} if tool.description else {}
    return {"type": "function", "function": {"name": tool.name, **described, "parameters": tool.input_schema}}


def _thinking(thinking: Reasoning) -> _Object:
    budget = {} if thinking.budget_tokens is None else {"token_budget": thinking.budget_tokens}
    return {"type": "enabled", **budget}
