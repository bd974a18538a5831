"""What is left of turns that are dropped because no summary could be had and the request would not fit."""

import msgspec
from builders.compaction import LONG, assistant, compacted, step, total_tokens, turns, user
from builders.histories import count_tokens

from rayconteur.compaction import Layered, SideRequest, Summarize, Window
from rayconteur.compaction.summaries.extract import extract
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import Overloaded
from rayconteur.providers.schema.messages import Message, StandsFor

LAYERS = Layered(strategies=(Summarize(), Window(keep_recent_turns=5)))


async def overloaded(request: SideRequest) -> Answer:
    raise Overloaded("busy")


def facts(number: int) -> list[Message]:
    return [m for turn in range(1, number + 1) for m in (user(turn, f"FACT-{turn} {LONG}"), assistant(turn, LONG))]


def test_the_beginnings_of_dropped_messages_are_kept_in_their_place() -> None:
    history = facts(10)

    result = compacted(history, LAYERS, 1_000, overloaded, window_tokens=8_000, limit_tokens=9_000)

    assert result.messages
    note, *rest = result.messages
    assert rest == history[-len(rest) :]
    assert note.stands_for == StandsFor(first_turn=1, last_turn=10 - len(rest) // 2, messages=20 - len(rest))
    assert all(f"FACT-{turn} It hides" in _json(note) for turn in range(1, 11 - len(rest) // 2))
    assert total_tokens(result.messages) <= 8_000
    assert count_tokens(note) <= 2_000


def test_an_extract_is_extended_by_what_is_dropped_later() -> None:
    once = compacted(facts(10), LAYERS, 1_000, overloaded, window_tokens=8_000, limit_tokens=9_000).messages
    assert once
    later = [*once, *facts(12)[-4:]]

    twice = compacted(later, LAYERS, 1_000, overloaded, window_tokens=8_000, limit_tokens=9_000).messages

    assert twice
    assert [message.stands_for is not None for message in twice].count(True) == 1
    assert all(f"FACT-{turn} It hides" in _json(twice) for turn in range(1, 13))
    assert twice[0].stands_for
    assert twice[0].stands_for.messages + len(twice) - 1 == 24


def test_no_extract_is_made_where_the_window_is_not_known_or_a_window_alone_is_configured() -> None:
    history = facts(10)

    unknown = compacted(history, LAYERS, 1_000, overloaded, window_tokens=8_000)
    window = compacted(history, Window(keep_recent_turns=2), 1_000, window_tokens=8_000, limit_tokens=9_000)

    for result in (unknown, window):
        assert result.messages
        assert not any(message.stands_for for message in result.messages)


def test_steps_of_the_last_turn_leave_no_extract() -> None:
    history = [user(1, "look"), *step(1, "a"), *step(1, "b"), *step(1, "c")]

    result = compacted(history, LAYERS, 1_000, overloaded, window_tokens=2_000, limit_tokens=9_000)

    assert result.messages == (history[0], *history[-2:])


def test_lines_get_shorter_and_those_in_the_middle_are_left_out_if_there_is_no_room_for_all() -> None:
    messages = facts(40)

    def text(max_tokens: int) -> str:
        message = extract(messages, max_tokens, count_tokens)
        assert message
        assert count_tokens(message) <= max_tokens
        return _json(message)

    assert all(f"FACT-{turn} " in text(2_000) for turn in range(1, 41))
    short = text(500)
    assert "FACT-1 " in short
    assert "FACT-20 " not in short
    assert "FACT-40 " in short
    assert extract(messages, 50, count_tokens) is None
    assert extract(turns(1)[1:], 5_000, count_tokens) is None  # nothing that the user said


def _json(value: object) -> str:
    """All of *value*: a repr is cut."""
    return msgspec.json.encode(value).decode()
