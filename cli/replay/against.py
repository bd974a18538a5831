"""Asking another model what a session was asked: a conversation of its own, in this process, which is not stored."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ...providers.schema.content import Text, ToolResult, ToolUse
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.tools import Approval, Tool
from ...runtime.api.config import SessionConfig
from ...runtime.api.events import (
    ApprovalRequested,
    Completed,
    Failed,
    FromLLM,
    Interrupted,
    QuestionAsked,
    Retrying,
    TextChunk,
    ToolBatch,
)
from ...runtime.api.messages import AnswerQuestion, Deny, ToLLM, ToolResults
from ...runtime.api.tools.approval_policy import ApprovalPolicy
from ...runtime.api.validation import invalid_config
from ...runtime.core.past.turns import Past
from ...runtime.events.segments import decode_events, decode_segments
from ...runtime.session.forks import fork_start
from ...runtime.session.host import Host
from ...runtime.session.requests.client_pool import ClientPool
from ..formatting import one_line
from ..provider import provider_named
from .questions import Questions
from .records import message_text

_KEY = ("replay", 1)
_CHARS = 200


class Answer(msgspec.Struct, frozen=True):
    """What was *asked* in a *turn*, the answer that is *recorded*, and the one that came *now*, or its *failure*."""

    turn: int
    asked: str
    recorded: str
    now: str
    failure: str | None = None


def config_named(against: str, recorded: SessionConfig) -> SessionConfig:
    """The *recorded* settings with the model *against*, or those in the JSON file that it is the path of.

    Raises:
        ConfigError: there is no such model, or the settings don't go together with it.
    """
    path = Path(against)
    if path.is_file():
        try:
            return msgspec.json.decode(path.read_bytes(), type=SessionConfig)
        except msgspec.ValidationError as error:
            raise invalid_config(error, "--against") from None
        except msgspec.DecodeError as error:
            raise InvalidConfig("--against", f"{against} is no JSON: {error}") from None
    name, _, model = against.partition(":")
    return msgspec.structs.replace(recorded, provider=provider_named(name, model or None))


def lines_of(answer: Answer) -> Iterator[str]:
    """*answer* for readers."""
    yield f"turn {answer.turn}"
    yield f"  asked     {one_line(answer.asked, _CHARS)}"
    yield f"  recorded  {one_line(answer.recorded, _CHARS)}"
    now = f"({answer.failure})" if answer.failure else answer.now
    yield f"  now       {one_line(now, _CHARS)}"


async def ask_again(config: SessionConfig, past: Past, questions: Questions) -> AsyncGenerator[Answer]:
    """Ask *questions* in a conversation with *config* that goes on from *past*, one after the other.

    Tools do not run: they have the results that are recorded for the same input, if there are any.

    Raises:
        ConfigError: the provider does not support the settings, or a key is missing.
    """
    session = _Session(questions)
    running = asyncio.create_task(session.host.run())
    try:
        ready = await asyncio.to_thread(_without_code(config).resolved(os.environ).with_request_forms)
        await session.host.open([_KEY[0]], _KEY[1], ready, _read(fork_start(past, _KEY, None).parts))
        for question in questions:
            text, end = await session.ask(msgspec.structs.replace(question.message, settings=None, when_busy=None))
            match end:
                case Failed(code=code, message=problem):
                    failure: str | None = f"{code}: {problem}"
                case Interrupted():
                    failure = "interrupted"
                case _:
                    failure = None
            yield Answer(question.turn, message_text(question.message), question.answer, text, failure)
        await session.host.close(_KEY, drain=False)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


class _Session:
    """A session on a *host* of its own, whose events come here."""

    def __init__(self, questions: Questions) -> None:
        self.host = Host([self._publish], self._on_end, ClientPool())
        self._questions = questions
        self._events: asyncio.Queue[FromLLM] = asyncio.Queue()

    async def ask(self, message: ToLLM) -> tuple[str, FromLLM]:
        """The text of the answer to *message*, and the end of its turn."""
        turn = self._tell(message)
        text = ""
        while True:
            event = await self._events.get()
            if event.turn != turn:
                continue
            match event:
                case TextChunk():
                    text += event.text
                case Retrying():
                    text = ""
                case Completed() | Failed() | Interrupted():
                    return text, event
                case _:
                    self._serve(event)

    def _serve(self, event: FromLLM) -> None:
        """Answer what a program, or the user, would be asked."""
        match event:
            case ToolBatch(uses=uses):
                self._tell(ToolResults(results=tuple(map(self._result_of, uses))))
            case ApprovalRequested():
                self._tell(Deny(reason="This is a replay: no tool runs."))
            case QuestionAsked(tool_use_id=use_id):
                self._tell(AnswerQuestion(tool_use_id=use_id, text="This is a replay: nobody answers."))
            case _:
                pass

    def _result_of(self, use: ToolUse) -> ToolResult:
        recorded = self._questions.result_of(use)
        nothing = (Text("This is a replay: no tool runs, and no result is recorded for this input."),)
        return recorded or ToolResult(tool_use_id=use.id, content=nothing, is_error=True)

    def _tell(self, message: ToLLM) -> int | None:
        return self.host.tell(_KEY, msgspec.msgpack.encode(message)).turn

    async def _publish(self, data: bytes) -> bytes | None:
        for segment in decode_segments(data):
            for event in decode_events(segment):
                self._events.put_nowait(event)
        return None

    async def _on_end(self, sessions: dict[str, int]) -> None:
        """Nothing else knows of it."""


async def _read(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def _without_code(config: SessionConfig) -> SessionConfig:
    """*config* without functions: no tool runs on Ray, and none decides about the approval of what does not run."""
    tools = tuple(
        msgspec.structs.replace(tool, shipped=None) if isinstance(tool, Tool) and tool.shipped else tool
        for tool in config.tools or ()
    )
    approval = Approval.NEVER if isinstance(config.approve, ApprovalPolicy) else config.approve
    return msgspec.structs.replace(config, tools=tools, approve=approval)
