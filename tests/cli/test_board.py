"""What the board makes of events."""

from rayconteur import (
    Completed,
    Failed,
    FromLLM,
    Interrupted,
    Retrying,
    StreamStarted,
    TextChunk,
    ThinkingChunk,
    TokenUpdate,
    TurnStarted,
    Usage,
)
from rayconteur.cli.board import Board, Phase
from rayconteur.providers import StopReason
from rayconteur.providers.schema.usage import Count, estimated, reported

ID = "raven"
BEGAN = (TurnStarted(session_id=ID), StreamStarted(session_id=ID, message_id="m", model="m"))


def text(words: str) -> TextChunk:
    return TextChunk(session_id=ID, text=words)


def used(output: Count) -> TokenUpdate:
    usage = Usage(output=output)
    return TokenUpdate(session_id=ID, request=usage, of_turn=usage, of_session=usage)


def completed() -> Completed:
    return Completed(
        session_id=ID, stop_reason=StopReason.END_TURN, raw_stop_reason="end_turn", usage=Usage(), requests=1
    )


def failed() -> Failed:
    return Failed(session_id=ID, code="overloaded", message="too much to do", retryable=True)


def board(*events: FromLLM) -> Board:
    """One session's board after *events*, of which one came in each second from 0 on."""
    made = Board([ID], spawn_s=2.0, began_at=0.0)
    for second, event in enumerate(events):
        made.take(event, float(second))
    return made


def test_what_is_being_said_is_counted_by_an_estimate() -> None:
    row = board(*BEGAN, text("Never"), text("more."), ThinkingChunk(session_id=ID, text="Hm")).rows[ID]

    assert (row.phase, row.text, row.tokens, row.exact) == (Phase.STREAMING, "Nevermore.", 3, False)


def test_what_the_provider_reports_takes_the_place_of_the_estimate() -> None:
    row = board(*BEGAN, text("Nevermore."), used(reported(17)), completed()).rows[ID]

    assert (row.phase, row.tokens, row.exact) == (Phase.DONE, 17, True)


def test_an_estimate_of_the_session_s_own_stays_one() -> None:
    row = board(*BEGAN, used(estimated(17)), failed()).rows[ID]

    assert (row.tokens, row.exact) == (17, False)


def test_a_second_turn_begins_a_new_text_and_counts_on() -> None:
    row = board(*BEGAN, text("Caw"), used(reported(5)), completed(), *BEGAN, text("Craw")).rows[ID]

    assert (row.text, row.tokens, row.exact) == ("Craw", 6, False)


def test_what_was_said_before_a_retry_is_void() -> None:
    retrying = Retrying(session_id=ID, attempt=2, delay_s=1.0, code="overloaded", message="too much to do")

    waiting = board(*BEGAN, text("Nev"), used(estimated(1)), retrying).rows[ID]
    again = board(*BEGAN, text("Nev"), used(estimated(1)), retrying, BEGAN[1], text("Never")).rows[ID]

    assert (waiting.phase, waiting.problem) == (Phase.RETRYING, "too much to do")
    assert (again.phase, again.text, again.problem) == (Phase.STREAMING, "Never", "")


def test_the_pace_is_that_of_speaking_and_not_of_waiting() -> None:
    made = board(*BEGAN, text("Caw"), used(reported(20)), completed())

    assert made.rows[ID].tokens_per_s(now=100.0) == 10.0  # it spoke from second 1 to second 3


def test_nobody_has_a_pace_before_a_word_is_said() -> None:
    assert board(*BEGAN).rows[ID].tokens_per_s(now=5.0) is None


def test_the_summary_counts_every_end_of_a_turn() -> None:
    made = board(completed(), completed(), failed(), Interrupted(session_id=ID), used(reported(30)))

    summary = made.summary(now=10.0)

    assert (summary.turns_completed, summary.turns_failed, summary.turns_interrupted) == (2, 1, 1)
    assert (summary.output_tokens, summary.exact, summary.tokens_per_s) == (30, True, 3.0)
    assert (summary.sessions, summary.seconds, summary.spawn_s) == (1, 10.0, 2.0)
