"""Builders for tests of the core: conversations in each state, events, and what their instructions hold."""

import pickle
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import pytest

from rayconteur.providers.schema.content import Block, Text, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer, Partial
from rayconteur.providers.schema.errors import RayconteurError
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import OnInterrupt, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge, Emit, Instruction

DISCARD = SessionConfig(provider=Scripted())
KEEP = SessionConfig(provider=Scripted(), on_interrupt=OnInterrupt.KEEP)
USAGE = Usage(input=reported(10), output=reported(2))
TOOL_USE = ToolUse(id="a", name="look", input={"at": 1})

BlockOrText = Block | str
_T = TypeVar("_T")


def opened_conversation(config: SessionConfig = DISCARD) -> Conversation:
    """A conversation that has just been opened."""
    conversation = Conversation()
    conversation.handle(ev.Opened(config=config, created_at=0.0))
    return conversation


def conversation_in(state: State, config: SessionConfig = DISCARD) -> Conversation:
    """A conversation in *state*; a running turn is turn 1, with request 1."""
    conversation = opened_conversation(config)
    steps: dict[State, tuple[ev.Event, ...]] = {
        State.IDLE: (),
        State.REQUESTING: (user_message(),),
        State.RETRYING: (user_message(), request_failed(1, retryable=True)),
        State.TOOLS_OUT: (user_message(), answered(1, TOOL_USE)),
        State.COMPACTING: (received(msg.Compact()),),
        State.CLOSED: (received(msg.Close()),),
    }
    for event in steps[state]:
        conversation.handle(event)
    assert conversation.state is state
    return conversation


def received(message: msg.ToLLM, partial: Partial = ev.NOTHING, size_bytes: int = 0) -> ev.Received:
    return ev.Received(message=message, size_bytes=size_bytes, partial=partial)


def user_message(text: str = "hi", when_busy: WhenBusy | None = None, size_bytes: int = 0) -> ev.Received:
    return received(msg.UserMessage(content=(Text(text),), when_busy=when_busy), size_bytes=size_bytes)


def answered(
    request: int,
    *content: BlockOrText,
    usage: Usage = USAGE,
    origin: Origin | None = None,
    stop: StopReason = StopReason.END_TURN,
) -> ev.Answered:
    return ev.Answered(
        request=request,
        answer=Answer(
            message_id=f"m{request}",
            model="scripted",
            content=blocks(content),
            stop_reason=stop,
            raw_stop_reason=stop.value,
            usage=usage,
            origin=origin,
        ),
    )


def request_failed(request: int, retryable: bool = False, partial: Partial = ev.NOTHING) -> ev.RequestFailed:
    failure = ev.Failure(code="overloaded", message="too much to do", retryable=retryable)
    return ev.RequestFailed(request=request, failure=failure, partial=partial)


def partial(*content: BlockOrText, usage: Usage = USAGE) -> Partial:
    answer = blocks(content)
    text = "".join(block.text for block in answer if isinstance(block, Text))
    return Partial(content=answer, text=text, usage=usage, message_id="m", model="scripted")


def tool(name: str, description: str = "", **parameters: str) -> Tool:
    """A tool whose *parameters* have these descriptions."""
    properties = {each: {"type": "string", "description": text} for each, text in parameters.items()}
    return Tool(name=name, description=description, input_schema={"type": "object", "properties": properties})


def tool_use(use_id: str, malformed: str | None = None) -> ToolUse:
    tool_input = {"at": 1} if malformed is None else {"INVALID_JSON": malformed}
    return ToolUse(id=use_id, name="look", input=tool_input, malformed=malformed)


def tool_result(use_id: str, text: str = "seen") -> ToolResult:
    return ToolResult(tool_use_id=use_id, content=(Text(text),))


def tool_results(*use_ids: str, last: bool = False) -> ev.Received:
    return received(msg.ToolResults(results=tuple(tool_result(use_id) for use_id in use_ids), last=last))


def blocks(content: Iterable[BlockOrText]) -> tuple[Block, ...]:
    return tuple(Text(block) if isinstance(block, str) else block for block in content)


def emitted_events(instructions: Iterable[Instruction]) -> list[out.FromLLM]:
    """The events for readers among *instructions*."""
    return [step.event for step in instructions if isinstance(step, Emit)]


def turn_ends(instructions: Iterable[Instruction]) -> list[out.TurnEnd]:
    """The ends of turns among *instructions*."""
    return [event for event in emitted_events(instructions) if isinstance(event, out.TurnEnd)]


def only_one(kind: type[_T], among: Iterable[object]) -> _T:
    """The item of *kind*, of which there must be exactly one."""
    [item] = [item for item in among if isinstance(item, kind)]
    return item


def history_lines(history: Iterable[Message]) -> list[str]:
    """One line for each message: ``user: hi``, ``assistant: <look a>``, ``user: a=seen``; an error result is ``a!``."""
    return [f"{message.role}: {' '.join(map(_block_text, message.content))}" for message in history]


def _block_text(block: Block) -> str:
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
    """A deep copy of *conversation*, by pickle: three times as fast as ``deepcopy``."""
    copied: Conversation = pickle.loads(pickle.dumps(conversation))
    return copied


@contextmanager
def assert_rejected(conversation: Conversation, error: type[RayconteurError]) -> Generator[None]:
    """The block must raise *error* and leave *conversation* unchanged."""
    before = copy_of(conversation)
    with pytest.raises(error):
        yield
    assert conversation == before


def queued_turns(conversation: Conversation) -> tuple[int, ...]:
    return tuple(queued.turn for queued in conversation.queue if queued.turn)


def same_state(one: Conversation, other: Conversation) -> bool:
    """True if the two differ at most in the number of their last record."""
    return msgspec.structs.replace(one.snapshot(), record=0) == msgspec.structs.replace(other.snapshot(), record=0)


def replayed(records: list[ev.Record]) -> Conversation:
    """The conversation that *records* rebuild after they were encoded and decoded."""
    stored = msgspec.msgpack.encode(records)
    return Conversation.replay(msgspec.msgpack.decode(stored, type=list[ev.Record]))


def effects(instructions: Iterable[Instruction]) -> list[Instruction]:
    """The *instructions* except the record and the acknowledgement."""
    return [step for step in instructions if not isinstance(step, ev.Record | Acknowledge)]


def names_and_inputs(uses: Iterable[ToolUse]) -> list[tuple[str, object]]:
    return [(use.name, use.input) for use in uses]


WEATHER = tool("get_weather", "The weather in a town.", town="Its name in English.")
MAIL = tool("sendMail", "Send a message to somebody.", recipient="Who gets it.", text="What it says.")
TRAINS = tool("find_trains", "Trains between two stations.")
MANY = (WEATHER, MAIL, TRAINS, *(tool(f"other_{number}", "Does something else.") for number in range(30)))
