"""Answers that were cut off by the output limit, or paused by the provider, and what continues them."""

from collections.abc import Iterable, Sequence

import msgspec

from ....providers.schema.content import Block, Opaque, Text, Thinking
from ....providers.schema.messages import Message, Role
from ....providers.schema.stop_reasons import StopReason

CONTINUABLE = (StopReason.MAX_TOKENS, StopReason.PAUSED)

PROMPT = "Your answer is not complete. Continue it exactly where it stopped, and repeat nothing."
"""What the model is asked for the rest of an answer. It leaves the history when the rest is there."""


def needs_prompt(answer: Message, reason: StopReason, provider: str) -> bool:
    """True if the model must be asked for the rest of *answer*, which ended for *reason*.

    An answer that *provider* paused within a tool of its own goes on when it is sent back as it is:
    https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#pause-turn. No other request may end
    with an answer.
    """
    last = answer.content[-1]
    return not (reason is StopReason.PAUSED and isinstance(last, Opaque) and last.provider == provider)


def prompt_message(turn: int) -> Message:
    """The message that asks for the rest of an answer, in *turn*."""
    return Message(role=Role.USER, content=(Text(PROMPT),), turn=turn)


def is_prompt(message: Message) -> bool:
    """True for what ``prompt_message`` makes."""
    return message.role is Role.USER and message.content == (Text(PROMPT),)


def answer_text(content: Iterable[Block]) -> str:
    """The visible text of an answer's *content*."""
    return "".join(block.text for block in content if isinstance(block, Text))


def joined_content(first: Sequence[Block], rest: Sequence[Block]) -> tuple[Block, ...]:
    """The content of an answer that was given in two parts: a text that was cut off is one text again.

    Signed thinking of the *rest* is left out: it was made after a message that is not there any more.
    """
    kept = [block for block in rest if not (isinstance(block, Thinking) and block.signature is not None)]
    match first, kept:
        case [*before, Text() as cut], [Text() as more, *after]:
            return (*before, _joined_text(cut, more), *after)
        case _:
            return (*first, *kept)


def _joined_text(cut: Text, more: Text) -> Text:
    shift = len(cut.text)
    moved = tuple(
        msgspec.structs.replace(
            citation,
            start=None if citation.start is None else citation.start + shift,
            end=None if citation.end is None else citation.end + shift,
        )
        for citation in more.citations
    )
    return Text(text=cut.text + more.text, citations=(*cut.citations, *moved))
