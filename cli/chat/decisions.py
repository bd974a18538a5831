"""What a turn waits for the user to decide: answers to the model's questions, and whether tools may run."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from ...providers.schema.content import ToolUse
from ...runtime.api.errors import ToolResultError
from ...runtime.api.events import ApprovalRequested, FromLLM, QuestionAsked
from ..keyboard import Key

if TYPE_CHECKING:
    from ...runtime.driver.session_handle import SessionHandle

_INPUT_CHARACTERS = 500
"""So much of the input of a tool is shown."""


class Decisions:
    """Asks the user what a turn of *session* waits for.

    *read_line* shows a prompt, and returns a line, or the key that came instead; *notify* shows a text.
    """

    def __init__(
        self,
        session: "SessionHandle",
        read_line: Callable[[str], Awaitable[str | Key]],
        notify: Callable[[str], None],
    ) -> None:
        self._session = session
        self._read_line = read_line
        self._notify = notify

    async def decide(self, event: FromLLM) -> bool:
        """Ask the user what *event* asks, if it asks something. False if the user ends the turn instead."""
        try:
            match event:
                case QuestionAsked():
                    return await self._answer(event)
                case ApprovalRequested(uses=uses):
                    for use in uses:
                        if not await self._approve(use):
                            return False
                    return True
                case _:
                    return True
        except ToolResultError as error:  # another program was faster, or the time was over
            self._notify(error.message)
            return True

    async def _answer(self, asked: QuestionAsked) -> bool:
        choices = {str(number): choice for number, choice in enumerate(asked.choices, 1)}
        self._notify("\n".join((asked.question, *(f"  {number}  {choice}" for number, choice in choices.items()))))
        line = await self._line("? ")
        if line is not None:
            await self._session.answer_question(asked.tool_use_id, choices.get(line, line))
        return line is not None

    async def _approve(self, use: ToolUse) -> bool:
        shown = msgspec.json.encode(use.input).decode()
        cut = shown[:_INPUT_CHARACTERS] + "..." * (len(shown) > _INPUT_CHARACTERS)
        self._notify(f"The model wants to use {use.name}: {cut}\ny: yes, a: always, n: no; anything else is why not")
        match await self._line("may it? "):
            case None:
                return False
            case "y" | "yes":
                await self._session.approve(use.id)
            case "a" | "always":
                await self._session.approve(use.id, grant="tool")
            case "n" | "no":
                await self._session.deny(use.id)
            case reason:
                await self._session.deny(use.id, reason=reason)
        return True

    async def _line(self, prompt: str) -> str | None:
        """The next line that is not blank; ``None`` if the user has interrupted it, or there are no more."""
        while True:
            match await self._read_line(prompt):
                case Key.INTERRUPT | Key.END:
                    return None
                case str(line) if line.strip():
                    return line.strip()
                case _:
                    pass
