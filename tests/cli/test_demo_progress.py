"""The progress of a demo's sessions, computed from their events."""

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
from rayconteur.cli.demo.progress import DemoProgress, Phase
from rayconteur.providers import StopReason
from rayconteur.providers.schema.usage import Count, estimated, reported

ID = "raven"
STARTED = (TurnStarted(session_id=ID), StreamStarted(session_id=ID, message_id="m", model="m"))


def chunk(text: str) -> TextChunk:
    return TextChunk(session_id=ID, text=text)


def token_update(output: Count) -> TokenUpdate:
    usage = Usage(output=output)
    return TokenUpdate(session_id=ID, request=usage, of_turn=usage, of_session=usage)


def completed() -> Completed:
    return Completed(
        session_id=ID, stop_reason=StopReason.END_TURN, raw_stop_reason="end_turn", usage=Usage(), requests=1
    )


def failed() -> Failed:
    return Failed(session_id=ID, code="overloaded", message="too much to do", retryable=True)


def progress_after(*events: FromLLM) -> DemoProgress:
    """The progress of one session after *events*, which arrived one per second from second 0 on."""
    progress = DemoProgress([ID], spawn_s=2.0, started_at=0.0)
    for second, event in enumerate(events):
        progress.apply(event, float(second))
    return progress


def test_the_tokens_of_streaming_text_are_estimated() -> None:
    session = progress_after(
        *STARTED, chunk("Never"), chunk("more."), ThinkingChunk(session_id=ID, text="Hm")
    ).sessions[ID]

    assert (session.phase, session.text, session.tokens, session.exact) == (Phase.STREAMING, "Nevermore.", 3, False)


def test_reported_tokens_replace_the_estimate() -> None:
    session = progress_after(*STARTED, chunk("Nevermore."), token_update(reported(17)), completed()).sessions[ID]

    assert (session.phase, session.tokens, session.exact) == (Phase.DONE, 17, True)


def test_tokens_that_the_session_estimated_are_not_exact() -> None:
    session = progress_after(*STARTED, token_update(estimated(17)), failed()).sessions[ID]

    assert (session.tokens, session.exact) == (17, False)


def test_a_second_turn_replaces_the_text_and_adds_its_tokens() -> None:
    session = progress_after(
        *STARTED, chunk("Caw"), token_update(reported(5)), completed(), *STARTED, chunk("Craw")
    ).sessions[ID]

    assert (session.text, session.tokens, session.exact) == ("Craw", 6, False)


def test_a_retry_discards_the_text_of_the_failed_attempt() -> None:
    retrying = Retrying(session_id=ID, attempt=2, delay_s=1.0, code="overloaded", message="too much to do")

    waiting = progress_after(*STARTED, chunk("Nev"), token_update(estimated(1)), retrying).sessions[ID]
    again = progress_after(
        *STARTED, chunk("Nev"), token_update(estimated(1)), retrying, STARTED[1], chunk("Never")
    ).sessions[ID]

    assert (waiting.phase, waiting.problem) == (Phase.RETRYING, "too much to do")
    assert (again.phase, again.text, again.problem) == (Phase.STREAMING, "Never", "")


def test_the_speed_counts_streaming_time_only() -> None:
    progress = progress_after(*STARTED, chunk("Caw"), token_update(reported(20)), completed())

    assert progress.sessions[ID].tokens_per_s(now=100.0) == 10.0  # it streamed from second 1 to second 3


def test_there_is_no_speed_before_the_first_text() -> None:
    assert progress_after(*STARTED).sessions[ID].tokens_per_s(now=5.0) is None


def test_the_summary_counts_completed_failed_and_interrupted_turns() -> None:
    progress = progress_after(
        completed(), completed(), failed(), Interrupted(session_id=ID), token_update(reported(30))
    )

    summary = progress.summary(now=10.0)

    assert (summary.turns_completed, summary.turns_failed, summary.turns_interrupted) == (2, 1, 1)
    assert (summary.output_tokens, summary.exact, summary.tokens_per_s) == (30, True, 3.0)
    assert (summary.sessions, summary.seconds, summary.spawn_s) == (1, 10.0, 2.0)
