"""Builders for tests of the core: a conversation in any phase, the events it handles, and its instructions."""

import pickle
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import pytest

from rayconteur.providers.schema.content import Block, Text, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer, Partial
from rayconteur.providers.schema.errors import RayconteurError
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import OnInterrupt, SessionConfig, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation

DISCARD = SessionConfig(provider=Scripted())
KEEP = SessionConfig(provider=Scripted(), on_interrupt=OnInterrupt.KEEP)
SOME = Usage(input=reported(10), output=reported(2))
USE = ToolUse(id="a", name="look", input={"at": 1})

Piece = Block | str
_T = TypeVar("_T")


def opened(config: SessionConfig = DISCARD) -> Conversation:
    """A conversation that has just been opened."""
    conversation = Conversation()
    conversation.handle(ev.Opened(config=config, created_at=0.0))
    return conversation


def in_state(state: State, config: SessionConfig = DISCARD) -> Conversation:
    """A conversation in *state*; where a turn runs, it is turn 1 with request 1."""
    conversation = opened(config)
    steps: dict[State, tuple[ev.Event, ...]] = {
        State.IDLE: (),
        State.REQUESTING: (asked(),),
        State.RETRYING: (asked(), failed(1, retryable=True)),
        State.TOOLS_OUT: (asked(), answered(1, USE)),
        State.COMPACTING: (received(msg.Compact()),),
        State.CLOSED: (received(msg.Close()),),
    }
    for event in steps[state]:
        conversation.handle(event)
    assert conversation.state is state
    return conversation


def received(message: msg.ToLLM, partial: Partial = ev.NOTHING, size_bytes: int = 0) -> ev.Received:
    return ev.Received(message=message, size_bytes=size_bytes, partial=partial)


def asked(text: str = "hi", when_busy: WhenBusy | None = None, size_bytes: int = 0) -> ev.Received:
    return received(msg.UserMessage(content=(Text(text),), when_busy=when_busy), size_bytes=size_bytes)


def answered(request: int, *pieces: Piece, usage: Usage = SOME) -> ev.Answered:
    return ev.Answered(
        request=request,
        answer=Answer(
            message_id=f"m{request}",
            model="scripted",
            content=blocks(pieces),
            stop_reason=StopReason.END_TURN,
            raw_stop_reason="end_turn",
            usage=usage,
        ),
    )


def failed(request: int, retryable: bool = False, partial: Partial = ev.NOTHING) -> ev.RequestFailed:
    failure = ev.Failure(code="overloaded", message="too much to do", retryable=retryable)
    return ev.RequestFailed(request=request, failure=failure, partial=partial)


def partial(*pieces: Piece, usage: Usage = SOME) -> Partial:
    content = blocks(pieces)
    text = "".join(block.text for block in content if isinstance(block, Text))
    return Partial(content=content, text=text, usage=usage, message_id="m", model="scripted")


def use(use_id: str, malformed: str | None = None) -> ToolUse:
    given = {"at": 1} if malformed is None else {"INVALID_JSON": malformed}
    return ToolUse(id=use_id, name="look", input=given, malformed=malformed)


def result(use_id: str, text: str = "seen") -> ToolResult:
    return ToolResult(tool_use_id=use_id, content=(Text(text),))


def returned(*use_ids: str, last: bool = False) -> ev.Received:
    return received(msg.ToolResults(results=tuple(result(use_id) for use_id in use_ids), last=last))


def blocks(pieces: Iterable[Piece]) -> tuple[Block, ...]:
    return tuple(Text(piece) if isinstance(piece, str) else piece for piece in pieces)


def emitted(instructions: Iterable[do.Instruction]) -> list[msg.FromLLM]:
    """What the readers are told."""
    return [step.event for step in instructions if isinstance(step, do.Emit)]


def ends(instructions: Iterable[do.Instruction]) -> list[msg.TurnEnd]:
    """The ends of turns that the readers are told of."""
    return [event for event in emitted(instructions) if isinstance(event, msg.TurnEnd)]


def only(kind: type[_T], among: Iterable[object]) -> _T:
    """The one of its *kind*."""
    [found] = [one for one in among if isinstance(one, kind)]
    return found


def history_lines(history: Iterable[Message]) -> list[str]:
    """A history as lines: ``user: hi``, ``assistant: <look a>``, ``user: a=seen``, a failed result ``a!``."""
    return [f"{message.role}: {' '.join(map(_line, message.content))}" for message in history]


def _line(block: Block) -> str:
    match block:
        case Text(text=text):
            return text
        case ToolUse(id=id, name=name):
            return f"<{name} {id}>"
        case ToolResult(tool_use_id=id, is_error=True):
            return f"{id}!"
        case ToolResult(tool_use_id=id, content=(Text(text=text),)):
            return f"{id}={text}"
        case _:
            return type(block).__name__


def copy_of(conversation: Conversation) -> Conversation:
    """*conversation* as it is now, down to the last block. Pickle does it three times as fast as deepcopy."""
    copied: Conversation = pickle.loads(pickle.dumps(conversation))
    return copied


@contextmanager
def refused(conversation: Conversation, error: type[RayconteurError]) -> Generator[None]:
    """What happens inside is refused with *error*, and *conversation* is as it was."""
    before = copy_of(conversation)
    with pytest.raises(error):
        yield
    assert conversation == before


def queued_turns(conversation: Conversation) -> tuple[int, ...]:
    return tuple(queued.turn for queued in conversation.queue if queued.turn)


def same_state(one: Conversation, other: Conversation) -> bool:
    """True if they differ at most in the number of their records."""
    return msgspec.structs.replace(one.snapshot(), record=0) == msgspec.structs.replace(other.snapshot(), record=0)


def replayed(records: list[ev.Record]) -> Conversation:
    """The conversation that *records*, stored as a journal stores them, rebuild."""
    stored = msgspec.msgpack.encode(records)
    return Conversation.replay(msgspec.msgpack.decode(stored, type=list[ev.Record]))


def effects(instructions: Iterable[do.Instruction]) -> list[do.Instruction]:
    """What is to be done besides storing the record and acknowledging the message."""
    return [step for step in instructions if not isinstance(step, ev.Record | do.Acknowledge)]
