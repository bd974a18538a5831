"""``ToLLM`` and ``FromLLM``: closed unions of structs that survive encoding and decoding."""

from typing import get_args

import msgspec
import pytest

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.schema.content import Citation, Document, Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import ConfigError
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool, ToolChoice
from rayconteur.providers.schema.usage import Usage, estimated, reported
from rayconteur.runtime.api import events, messages
from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.api.events import (
    ApprovalRequested,
    Cited,
    Cleared,
    Closed,
    Compacted,
    Completed,
    Configured,
    Continuing,
    Died,
    Failed,
    FromLLM,
    Interrupted,
    MessagesAdded,
    Missed,
    ProcessLost,
    QuestionAsked,
    Retrying,
    Rewound,
    Steered,
    StepCompleted,
    StreamStarted,
    TextChunk,
    ThinkingChunk,
    TokenUpdate,
    ToolBatch,
    ToolCompleted,
    ToolFailed,
    ToolInputChunk,
    ToolProgress,
    ToolStarted,
    TurnStarted,
    Waiting,
)
from rayconteur.runtime.api.messages import (
    AddMessages,
    AnswerQuestion,
    Approve,
    Clear,
    Close,
    Compact,
    Configure,
    Continue,
    Deny,
    Interrupt,
    RequestApproval,
    Retry,
    Rewind,
    ToLLM,
    ToolResults,
    ToolUpdate,
    UserMessage,
)
from rayconteur.runtime.api.quotas.wait_reason import WaitReason
from rayconteur.runtime.api.settings.policies import WhenBusy

USE = ToolUse(id="a", name="look", input={"at": [1, None, {"b": 2.5}]})
BROKEN = ToolUse(id="b", name="look", input={"INVALID_JSON": "{"}, malformed="{")
USAGE = Usage(input=reported(5), output=estimated(2))

TO_LLM: list[ToLLM] = [
    UserMessage(content=(Text("hi"), Image(data=b"\x00\xff", media_type="image/png")), when_busy=WhenBusy.INTERRUPT),
    AddMessages(messages=(Message.of_user("hi"), Message.of_assistant("hello"))),
    ToolResults(
        results=(ToolResult(tool_use_id="a", content=(Document(url="https://x.y"),), is_error=True),), last=True
    ),
    ToolUpdate(started=("a",), progress={"a": "half"}),
    RequestApproval(tool_use_ids=("a",)),
    Approve(tool_use_ids=("a",), inputs={"a": {"at": 2}}, grant="tool", grant_s=60.0),
    Deny(tool_use_ids=("a",), reason="not now"),
    AnswerQuestion(tool_use_id="a", text="Oslo"),
    Interrupt(turn=3),
    Compact(),
    Clear(),
    Rewind(turns=2),
    Continue(),
    Configure(
        provider=Anthropic(model="claude", api_key="secret"),
        model="claude-2",
        system=None,
        max_output_tokens=9,
        tools=(Tool(name="look", description="Look.", input_schema={"type": "object"}),),
        tool_choice=ToolChoice(mode="tool", name="look", parallel=False),
        temperature=0.5,
        thinking=Reasoning(budget_tokens=1024),
        stop_sequences=("stop",),
        streaming=False,
        next="turn",
    ),
    Retry(),
    Close(drain=True),
]
FROM_LLM: list[FromLLM] = [
    TurnStarted(session_id="s", seq=1, turn=1),
    Steered(session_id="s", seq=2, turn=1, number=3, correlation_id="c", metadata={"by": "me"}),
    StreamStarted(session_id="s", seq=2, turn=1, message_id="m", model="claude"),
    TextChunk(session_id="s", seq=3, turn=1, text="raven \U0001f426\u200d\u2b1b", block=1),
    Cited(session_id="s", seq=4, turn=1, citation=Citation(cited_text="so", start=1, end=2), block=1),
    ThinkingChunk(session_id="s", seq=4, turn=1, text="hm"),
    ToolInputChunk(session_id="s", seq=5, turn=1, tool_use_id="a", name="look", json='{"at"', block=2),
    ToolBatch(session_id="s", seq=6, turn=1, uses=(USE,), refused=(BROKEN,)),
    ApprovalRequested(session_id="s", seq=6, turn=1, uses=(USE,), step=2),
    QuestionAsked(session_id="s", seq=6, turn=1, tool_use_id="a", question="Which?", choices=("Oslo", "Rome"), step=2),
    ToolStarted(session_id="s", seq=6, turn=1, tool_use_id="a", name="look"),
    ToolProgress(session_id="s", seq=6, turn=1, tool_use_id="a", name="look", text="half"),
    ToolCompleted(session_id="s", seq=6, turn=1, tool_use_id="a", name="look", duration_s=0.5),
    ToolFailed(session_id="s", seq=6, turn=1, tool_use_id="a", name="look", message="no", duration_s=0.5),
    StepCompleted(
        session_id="s",
        seq=6,
        turn=1,
        number=1,
        text="let me look",
        uses=(USE,),
        results=(ToolResult(tool_use_id="a"),),
        stop_reason=StopReason.TOOL_USE,
        usage=USAGE,
    ),
    TokenUpdate(session_id="s", seq=7, turn=1, request=USAGE, of_turn=USAGE, of_session=USAGE + USAGE),
    Retrying(session_id="s", seq=8, turn=1, attempt=1, delay_s=0.5, code="overloaded", message="wait"),
    Compacted(session_id="s", seq=9, messages_before=9, messages_after=9, problem="no strategy"),
    Completed(
        session_id="s", seq=10, turn=1, stop_reason=StopReason.OTHER, raw_stop_reason=None, usage=USAGE, requests=2
    ),
    Interrupted(session_id="s", seq=11, turn=2),
    Failed(session_id="s", seq=12, turn=3, code="protocol", message="no", retryable=False, partial_text="half"),
    Waiting(session_id="s", seq=12, turn=3, reason=WaitReason.REQUESTS, expected_s=1.5),
    Configured(session_id="s", seq=13, fields=("model",), model="claude"),
    Cleared(session_id="s", seq=14),
    Continuing(session_id="s", seq=14, turn=3, stop_reason=StopReason.MAX_TOKENS, text="half"),
    MessagesAdded(session_id="s", seq=14, turns=(1, 2), messages=4),
    Rewound(session_id="s", seq=14, turns=(1, 2), messages=4),
    Closed(session_id="s", seq=15),
    Died(reason=DeathReason.NODE_DIED),
    Missed(session_id="s", seq=9, first=1, last=9),
    ProcessLost(session_id="s", seq=15, reason=DeathReason.OUT_OF_MEMORY),
]


def members(base: str) -> set[type]:
    """The structs of the module that defines *base* whose base class it is."""
    defined = vars(messages) | vars(events)
    base_class: type = defined[base]
    return {kind for kind in defined.values() if isinstance(kind, type) and base_class in kind.__bases__}


@pytest.mark.parametrize("message", TO_LLM, ids=lambda message: type(message).__name__)
def test_a_message_survives_msgpack_and_json(message: ToLLM) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=ToLLM) == message
    assert msgspec.json.decode(msgspec.json.encode(message), type=ToLLM) == message


@pytest.mark.parametrize("event", FROM_LLM, ids=lambda event: type(event).__name__)
def test_an_event_survives_msgpack_and_json(event: FromLLM) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=FromLLM) == event
    assert msgspec.json.decode(msgspec.json.encode(event), type=FromLLM) == event


def test_the_unions_and_these_tests_cover_every_struct() -> None:
    assert set(get_args(ToLLM)) == members("_ToLLM") == {type(message) for message in TO_LLM}
    of_sessions = members("_FromLLM") - {events.OfTurn} | members("OfTurn")
    assert set(get_args(FromLLM)) == of_sessions == {type(event) for event in FROM_LLM}


def test_an_unknown_kind_is_rejected() -> None:
    with pytest.raises(msgspec.ValidationError, match="kind"):
        msgspec.json.decode(b'{"kind": "shutdown"}', type=ToLLM)


def test_a_setting_that_is_not_given_differs_from_none() -> None:
    encoded = msgspec.json.encode(Configure(system=None))

    assert encoded == b'{"kind":"configure","system":null}'
    assert msgspec.json.decode(encoded, type=Configure).model is msgspec.UNSET


@pytest.mark.parametrize(
    "encoded",
    [
        b'{"kind": "configure", "max_output_tokens": 0}',
        b'{"kind": "configure", "temperature": "hot"}',
        b'{"kind": "configure", "next": "year"}',
        b'{"kind": "usermessage"}',
        b'{"kind": "toolresults", "results": [{"kind": "text", "text": "?"}]}',
    ],
)
def test_a_message_with_an_invalid_field_is_rejected(encoded: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(encoded, type=ToLLM)


@pytest.mark.parametrize("message", TO_LLM, ids=lambda message: type(message).__name__)
def test_the_constructor_of_a_message_rejects_an_invalid_value_of_each_field(message: ToLLM) -> None:
    for field in message.__struct_fields__:
        with pytest.raises(ConfigError, match=rf"message\.{field}|provider"):
            msgspec.structs.replace(message, **{field: object()})


def test_of_makes_a_message_of_plain_text() -> None:
    assert UserMessage.of("hi") == UserMessage(content=(Text("hi"),))
