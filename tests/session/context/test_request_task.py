"""What a request adds to its answer: the turn of each event, estimates of what was not reported, and a log of bugs."""

import logging
from collections.abc import Sequence

import pytest
from fixtures.session import running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import Citation, Provenance, ProviderConfig
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.deltas import AnswerEnded, AnswerStarted, Cited, Delta, TextDelta, UsageReported
from rayconteur.providers.schema.request import Request
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.client import ScriptedClient

START, END = AnswerStarted("m1", "scripted"), AnswerEnded(StopReason.END_TURN, "stop")


def session_config() -> rc.SessionConfig:
    return rc.SessionConfig(provider=rc.Scripted(), streaming=False)


def answering(*deltas: Delta, error: Exception | None = None) -> Client:
    class Answering(ScriptedClient):
        async def complete(self, request: Request) -> Sequence[Delta]:
            del request
            if error:
                raise error
            return deltas

    return Answering(rc.Scripted())


def events_of(client: Client) -> list[rc.FromLLM]:
    """The events of a first turn that *client* answers."""

    def open_client(provider: ProviderConfig) -> Client:
        del provider
        return client

    async def main() -> list[rc.FromLLM]:
        async with running_session(session_config(), open_client) as session:
            await session.wait_for_end(session.ask("hi"))
            return list(session.events)

    return run(main())


def test_every_event_of_an_answer_is_one_of_its_turn() -> None:
    citation = Citation(url="https://example.org/raven")

    events = events_of(answering(START, TextDelta(0, "caw"), Cited(0, citation), END))

    [cited] = [event for event in events if isinstance(event, rc.Cited)]
    assert (cited.turn, cited.block, cited.citation) == (1, 0, citation)
    assert {event.turn for event in events} == {1}


def test_an_answer_without_figures_is_estimated_and_an_empty_one_at_nothing() -> None:
    [completed] = [event for event in events_of(answering(START, END)) if isinstance(event, rc.Completed)]

    assert completed.usage.output.tokens == 0
    assert completed.usage.output.provenance is Provenance.ESTIMATED


def test_figures_that_are_missing_are_estimated_and_the_others_stay() -> None:
    figures = UsageReported(Usage(output=reported(7)))

    [completed] = [event for event in events_of(answering(START, figures, END)) if isinstance(event, rc.Completed)]

    assert completed.usage.output == reported(7)
    assert completed.usage.input.provenance is Provenance.ESTIMATED


def test_a_bug_is_logged_with_its_traceback_and_its_text_reaches_no_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="rayconteur")

    [failed] = [event for event in events_of(answering(error=KeyError("secret"))) if isinstance(event, rc.Failed)]

    assert (failed.code, failed.retryable) == ("internal", False)
    assert "secret" not in failed.message
    assert "KeyError" in failed.message
    [record] = [record for record in caplog.records if record.name.startswith("rayconteur")]
    assert record.exc_info
