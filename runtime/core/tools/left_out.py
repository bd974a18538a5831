"""Messages that compactions have left out: the model reads them again, turn by turn."""

from collections.abc import Iterable, Mapping

from ....compaction.summaries.transcript import transcript
from ....providers.schema.checks.shown import shown
from ....providers.schema.content import Text
from ....providers.schema.messages import Message
from ...api.tools.builtins import MessagesInput
from .kept_results import Unreadable, beginning_of, places_of

_PART_BYTES = 16 << 10
"""So much of a turn is read at once."""

_TURNS, _LINE_CHARACTERS = 100, 100
"""Of so many turns the model is shown how they begin, and so much of each."""

_PLACES = 20
"""After so many places, a search ends with the turn."""


def read_messages(wanted: MessagesInput, full: Iterable[Message], messages: Iterable[Message]) -> str:
    """What *wanted* asks for, of those of the *full* history that are not among *messages*, which requests hold.

    Raises:
        Unreadable: there is no such turn, or nothing like that in it.
    """
    held = {message.id for message in messages}
    turns: dict[int, list[Message]] = {}
    for message in full:
        if message.id not in held:
            turns.setdefault(message.turn, []).append(message)
    if wanted.turn is not None and wanted.turn not in turns:
        known = f"{min(turns)} to {max(turns)}" if turns else "none"
        raise Unreadable(
            f"Nothing of turn {wanted.turn} is left out, or it is no longer kept. Turns left out: {known}."
        )
    chosen = {wanted.turn: turns[wanted.turn]} if wanted.turn is not None else turns
    if wanted.search:
        return _places(wanted, chosen)
    return _index(turns) if wanted.turn is None else _part(wanted.turn, wanted.offset, transcript(turns[wanted.turn]))


def _index(turns: Mapping[int, Iterable[Message]]) -> str:
    """How each turn begins."""
    if not turns:
        raise Unreadable("Nothing is left out.")
    lines = [f"turn {turn}: {_beginning(messages)}" for turn, messages in list(turns.items())[:_TURNS]]
    more = [f"[{len(turns) - _TURNS} later turns]"] if len(turns) > _TURNS else []
    return "\n".join((*lines, *more))


def _beginning(messages: Iterable[Message]) -> str:
    texts = (block.text for message in messages for block in message.content if isinstance(block, Text))
    return " ".join(next(texts, "").split())[:_LINE_CHARACTERS]


def _places(wanted: MessagesInput, turns: Mapping[int, Iterable[Message]]) -> str:
    """The first places in *turns* that have the text that is *wanted*."""
    searched, offset = wanted.search or "", 0 if wanted.turn is None else wanted.offset
    lines: list[str] = []
    for turn, messages in turns.items():
        found, rest = places_of(searched, transcript(messages), offset)
        lines += (f"[turn {turn}, offset {at}] {text}" for at, text in found)
        if rest >= 0:
            lines.append(f"[more of turn {turn}: search in it from the offset {rest} on]")
        if len(lines) >= _PLACES and turn != max(turns):
            lines.append(f"[turns after {turn}: search in each]")
            break
    if not lines:
        raise Unreadable(f"{shown(searched)} is not in what is left out.")
    return "\n".join(lines)


def _part(turn: int, offset: int, text: str) -> str:
    if offset >= len(text):
        raise Unreadable(f"What is left out of turn {turn} has {len(text):,} characters.")
    part = beginning_of(text[offset : offset + _PART_BYTES], _PART_BYTES)
    end = offset + len(part)
    rest = f"\n[cut off here, after {end:,} of {len(text):,} characters: to read on, use the offset {end}]"
    return part if end == len(text) else part + rest
