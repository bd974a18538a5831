"""What sessions count, and the gauges of their host: by provider and model, and never by what was said."""

import asyncio
from collections.abc import Iterator

import pytest
from fixtures.session import running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import ModelFacts, Prices
from rayconteur.runtime import State
from rayconteur.runtime.metrics.counts import COUNTS, Series
from rayconteur.scripted import Fail, Say, Wait

MODEL = ("scripted", "scripted")
SECRET = "the raven's secret"


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """The counts are those of the process: what other tests have counted is dropped."""
    COUNTS.take()
    yield
    COUNTS.take()


def counted() -> dict[Series, float]:
    return dict(COUNTS.take())


def test_a_turn_counts_its_request_tokens_and_times() -> None:
    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=rc.Scripted())) as session:
            end = await session.wait_for_end(session.ask(SECRET))
            assert isinstance(end, rc.Completed)

            counts = counted()

            assert counts["rayconteur_turns", "completed", *MODEL] == 1
            assert counts["rayconteur_requests", "completed", *MODEL] == 1
            assert counts["rayconteur_tokens", "output", *MODEL] == end.usage.output.tokens
            assert counts["rayconteur_tokens", "input", *MODEL] == end.usage.input.tokens
            assert counts["rayconteur_request_seconds_count", *MODEL] == 1
            assert counts["rayconteur_first_text_seconds_bucket", *MODEL, "+Inf"] == 1
            assert counts["rayconteur_events",] == len(session.events)
            assert SECRET not in str(counts)

    run(main())


def test_the_cost_of_a_turn_is_counted_however_small_it_is() -> None:
    prices = (Prices(input=1.0, output=1.0),)

    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=rc.Scripted(facts=ModelFacts(prices=prices)))) as session:
            end = await session.wait_for_end(session.ask())
            assert isinstance(end, rc.Completed)

            cost = counted()["rayconteur_cost_usd", *MODEL]

            assert cost == end.usage.cost.usd
            assert 0 < cost < 0.01

    run(main())


def test_retries_failures_and_interrupts_are_counted_by_their_codes() -> None:
    config = scripted_config((Fail("overloaded"),), (Fail("invalid_request"),), (Wait(),))

    async def main() -> None:
        async with running_session(config) as session:
            assert isinstance(await session.wait_for_end(session.ask()), rc.Failed)
            turn = session.ask()
            await session.wait_for_state(State.REQUESTING)
            session.tell(rc.Interrupt())
            await session.wait_for_end(turn)

            counts = counted()

            assert counts["rayconteur_retries", "overloaded", *MODEL] == 1
            assert counts["rayconteur_requests", "overloaded", *MODEL] == 1
            assert counts["rayconteur_requests", "invalid_request", *MODEL] == 1
            assert counts["rayconteur_requests", "cancelled", *MODEL] == 1
            assert counts["rayconteur_turns", "failed", *MODEL] == 1
            assert counts["rayconteur_turns", "interrupted", *MODEL] == 1

    run(main())


def test_the_tokens_of_an_interrupted_request_and_its_gaps_are_counted() -> None:
    config = scripted_config((Say("the raven says nevermore"), Wait()))

    async def main() -> None:
        async with running_session(config) as session:
            turn = session.ask()
            await session.wait_for_text("the raven says nevermore")
            session.tell(rc.Interrupt())
            await session.wait_for_end(turn)

            counts = counted()

            output = session.status().usage.output.tokens
            assert output
            assert counts["rayconteur_tokens", "output", *MODEL] == output
            gaps = counts["rayconteur_gap_seconds_count", *MODEL]
            assert gaps == 5, "six pieces, at 100 a second"
            assert counts["rayconteur_gap_seconds_sum", *MODEL] == pytest.approx(0.05)
            assert counts["rayconteur_gap_seconds_bucket", *MODEL, "0.025"] == gaps

    run(main())


def test_tokens_that_a_session_has_set_to_zero_are_not_taken_back() -> None:
    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=rc.Scripted())) as session:
            await session.wait_for_end(session.ask())
            before = counted()["rayconteur_tokens", "output", *MODEL]

            session.tell(rc.Clear(counters=True))
            await session.wait_for_event(rc.Cleared)
            await session.wait_for_end(session.ask())

            assert counted()["rayconteur_tokens", "output", *MODEL] == before

    run(main())


def test_the_gauges_of_a_host_say_what_its_sessions_do_and_what_waits() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),))) as session:
            session.ask()
            await session.wait_for_event(rc.TurnStarted)
            session.ask(SECRET)

            gauges = dict(await session.host.gauges.read())

            assert gauges["rayconteur_sessions", "requesting", *MODEL] == 1
            assert gauges["rayconteur_mailbox_messages",] == 1
            assert gauges["rayconteur_history_bytes",] > 0
            assert gauges["rayconteur_publish_wait_seconds",] == 0.0
            assert SECRET not in str(gauges)

    run(main())


def test_the_wait_for_a_router_that_takes_nothing_is_a_gauge() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),))) as session:
            session.router_accepts.clear()
            session.ask()
            await asyncio.sleep(2.0)

            gauges = dict(await session.host.gauges.read())

            assert gauges["rayconteur_publish_wait_seconds",] == pytest.approx(2.0, abs=0.1)
            assert gauges["rayconteur_outbox_bytes",] > 0

    run(main())
