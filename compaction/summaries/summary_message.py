"""The message that stands for the messages it summarizes."""

from collections.abc import Sequence

from ...providers.schema.content import Block, Text
from ...providers.schema.messages import Message, Origin, Role, StandsFor


def summary_message(messages: Sequence[Message], text: str, *, within_turn: bool) -> Message:
    """The message that stands for *messages*, earlier summaries among them: a note that says so, then *text*.

    *within_turn*: it stands for steps of a turn that goes on, after the user message that started the turn.
    """
    stands_for = _stands_for(messages)
    note = Text(_note(stands_for, within_turn))
    return Message(role=Role.USER, content=(note, Text(text)), turn=messages[-1].turn, stands_for=stands_for)


def native_summary(messages: Sequence[Message], content: tuple[Block, ...], origin: Origin) -> Message:
    """The message that stands for *messages*, complete turns, with the *content* that the provider made of them."""
    return Message(
        role=Role.ASSISTANT,
        content=content,
        turn=messages[-1].turn,
        stands_for=_stands_for(messages),
        origin=origin,
    )


def summary_text(summary: Message) -> str:
    """The text of *summary* without the note."""
    last = summary.content[-1]
    return last.text if isinstance(last, Text) else ""


def _stands_for(messages: Sequence[Message]) -> StandsFor:
    earlier = [message.stands_for for message in messages if message.stands_for is not None]
    turns = [message.turn for message in messages]
    return StandsFor(
        first_turn=min([*turns, *(summary.first_turn for summary in earlier)]),
        last_turn=max([*turns, *(summary.last_turn for summary in earlier)]),
        messages=len(messages) + sum(summary.messages - 1 for summary in earlier),
    )


def _note(stands_for: StandsFor, within_turn: bool) -> str:
    count = f"{stands_for.messages:,} message{'s' if stands_for.messages > 1 else ''}"
    first, last = stands_for.first_turn, stands_for.last_turn
    left_out = f"in {count} that are left out ({_turns(first, last)})"
    if within_turn:
        return f"[What has been done about this so far, {left_out}:]"
    return f"[What was said before, {left_out}. The conversation goes on from it:]"


def _turns(first: int, last: int) -> str:
    """What the model calls them if it reads them again."""
    return f"turn {first}" if first == last else f"turns {first} to {last}"
