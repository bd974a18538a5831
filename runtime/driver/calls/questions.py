"""The questions that a model asks the user during a turn, as far as this program answers them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.errors import ToolResultError
from ...api.events import FromLLM, QuestionAsked, ToolCompleted, ToolFailed
from ...api.messages import AnswerQuestion, Interrupt
from ...logs.ids import ids
from ...tools.runs import returned_by
from .abandoned_turns import AbandonedTurns, InterruptedSession

log = logging.getLogger(__name__)

OnQuestion = Callable[[QuestionAsked], Awaitable[str] | str]
"""Returns the user's answer to a question. It may be async."""


def checked_on_question(on_question: object) -> None:
    """Raises:
    InvalidConfig: *on_question* is neither a function nor ``None``.
    """
    if on_question is not None and not callable(on_question):
        raise InvalidConfig("on_question", f"give a function that takes a QuestionAsked, not {shown(on_question)}")


class TurnQuestions:
    """Answers the questions of one turn in the background, one after the other."""

    def __init__(self, session: InterruptedSession, abandoned_turns: AbandonedTurns) -> None:
        self._session = session
        self._abandoned_turns = abandoned_turns
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by tool use id
        self._one_at_a_time = asyncio.Lock()
        self.on_question: OnQuestion | None = None
        """What gets the answers; without it, somebody else answers."""
        self.is_awaited = False
        """True if the program waits for the answer: it sees no question."""
        self.error: Exception | None = None
        """Why the turn was interrupted: *on_question* raised it, or its answer was not accepted."""

    def note(self, event: FromLLM) -> None:
        """Answer the question that *event* asks, or stop that if it tells that the question has its answer."""
        match event:
            case QuestionAsked(tool_use_id=use) if self.on_question:
                self._tasks[use] = asyncio.create_task(self._answer(self.on_question, event))
            case QuestionAsked(tool_use_id=use) if self.is_awaited:
                log.warning(
                    "session %s: the model asks the user something, and waits: pass on_question to answer(), "
                    "or send answer_question(%s, ...)",
                    self._session.id,
                    shown(use),
                    extra=ids(self._session.id, event.turn),
                )
            case ToolCompleted(tool_use_id=use) | ToolFailed(tool_use_id=use) if use in self._tasks:
                self._tasks.pop(use).cancel()
            case _:
                pass

    def cancel(self) -> None:
        """Answer no question any more."""
        for task in self._tasks.values():
            task.cancel()

    async def stop(self) -> None:
        """As ``cancel``; and wait until nothing goes on."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _answer(self, on_question: OnQuestion, asked: QuestionAsked) -> None:
        async with self._one_at_a_time:
            if self.error:
                return
            try:
                await self._send_answer(on_question, asked)
            except ToolResultError as error:  # its turn is over, or another program answered
                session = self._session.id
                log.info(
                    "an answer to a question of session %s is not wanted: %s",
                    session,
                    error,
                    extra=ids(session, asked.turn),
                )
            except Exception as error:
                self.error = error
                await self._abandoned_turns.interrupt_and_wait(self._session, Interrupt(turn=asked.turn))

    async def _send_answer(self, on_question: OnQuestion, asked: QuestionAsked) -> None:
        text = await returned_by(partial(on_question, asked), "on_question")
        if not isinstance(text, str):
            raise InvalidConfig("on_question", f"return the answer as a str, not {shown(text)}")
        del self._tasks[asked.tool_use_id]  # its end is our own doing
        await self._session.send(AnswerQuestion(tool_use_id=asked.tool_use_id, text=text))
