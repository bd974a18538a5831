"""A session's requests wait until the shared limits admit them: all of them, and whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from fixtures.quotas.local_broker import LocalBrokers
from fixtures.session import SessionFixture, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Summarize
from rayconteur.providers import ModelFacts
from rayconteur.runtime import OnInterrupt, QuotaRule, Quotas, State, Waiting, WaitReason, WhenBusy
from rayconteur.runtime.governance.quotas.client import Admission
from rayconteur.runtime.governance.quotas.messages import Ending, Lane
from rayconteur.runtime.metrics.counts import COUNTS
from rayconteur.runtime.session.requests.quota_gate import QuotaGate
from rayconteur.scripted import Cut, Fail, Say, Script, Wait

ECHO = (Say(),)
ONE_AT_A_TIME = Quotas(rules=(QuotaRule(models="*/*", concurrent=1),))
ACCOUNT = rc.Scripted().account
MODEL = f"scripted/{rc.Scripted().model}"


@asynccontextmanager
async def governed(
    config: rc.SessionConfig, quotas: Quotas = ONE_AT_A_TIME
) -> AsyncGenerator[tuple[SessionFixture, LocalBrokers]]:
    """A session that shares *quotas* with other hosts."""
    brokers = LocalBrokers(quotas)
    client = brokers.connect()
    async with running_session(config, gate=QuotaGate(client)) as session:
        yield session, brokers
        assert client.waiting == client.in_flight == 0
        await client.aclose()


async def occupied(brokers: LocalBrokers) -> Admission:
    """Another host has the only slot."""
    return await brokers.connect().admit(Lane(ACCOUNT, MODEL), "other", (10, None))


def test_a_request_waits_until_it_is_admitted_and_says_so() -> None:
    async def main() -> None:
        async with governed(scripted_config(ECHO)) as (session, brokers):
            other = await occupied(brokers)
            turn = session.ask("hello")
            await asyncio.sleep(10)

            assert session.event_kinds(turn)[:2] == ["TurnStarted", "Waiting"]
            assert set(session.event_kinds(turn)) == {"TurnStarted", "Waiting"}
            other.end(Ending.ANSWERED, 10, 10)
            await session.wait_for_event(rc.Completed)

            waiting = await session.wait_for_event(Waiting)
            assert isinstance(waiting, Waiting)
            assert waiting.reason is WaitReason.CONCURRENCY
            assert waiting.expected_s is not None
            assert waiting.expected_s > 0

    run(main())


def test_how_long_a_request_has_waited_is_counted_for_its_model() -> None:
    async def main() -> None:
        COUNTS.take()
        async with governed(scripted_config(ECHO)) as (session, brokers):
            other = await occupied(brokers)
            session.ask("hello")
            await asyncio.sleep(10)
            other.end(Ending.ANSWERED, 10, 10)
            await session.wait_for_event(rc.Completed)

            counts = dict(COUNTS.take())

            assert counts["rayconteur_quota_wait_seconds_count", "scripted", "scripted"] == 1
            assert counts["rayconteur_quota_wait_seconds_sum", "scripted", "scripted"] == pytest.approx(10, abs=0.1)

    run(main())


def test_a_request_that_is_admitted_at_once_says_nothing() -> None:
    async def main() -> None:
        async with governed(scripted_config(ECHO)) as (session, _):
            turn = session.ask("hello")
            await session.wait_for_event(rc.Completed)

            assert "Waiting" not in session.event_kinds(turn)

    run(main())


@pytest.mark.parametrize("policy", OnInterrupt)
def test_an_interrupt_ends_a_turn_whose_request_waits_and_counts_no_tokens(policy: OnInterrupt) -> None:
    async def main() -> None:
        config = scripted_config(ECHO, ECHO, on_interrupt=policy)
        async with governed(config) as (session, brokers):
            other = await occupied(brokers)
            first = session.ask("first")
            await session.wait_for_event(Waiting)

            session.tell(rc.Interrupt())
            await session.wait_for_event(rc.Interrupted)

            assert session.event_kinds(first)[-1] == "Interrupted"
            assert session.status().usage.input.tokens == 0
            second = session.ask("second")
            other.end(Ending.ANSWERED, 10, 10)
            await session.wait_for_event(rc.Completed, second)

    run(main())


def test_messages_that_arrive_while_a_request_waits_are_queued_as_always() -> None:
    async def main() -> None:
        config = scripted_config(ECHO, ECHO, limits=rc.Limits(waiting_messages=1))
        async with governed(config) as (session, brokers):
            other = await occupied(brokers)
            session.ask("first")
            await session.wait_for_event(Waiting)
            session.ask("second")

            with pytest.raises(rc.errors.MailboxFull):
                session.ask("third")
            with pytest.raises(rc.errors.SessionBusy):
                session.ask("third", when_busy=WhenBusy.REJECT)
            other.end(Ending.ANSWERED, 10, 10)
            await session.wait_for_event(rc.Completed, 2)

    run(main())


def test_a_session_closes_while_its_request_waits() -> None:
    async def main() -> None:
        async with governed(scripted_config(ECHO)) as (session, brokers):
            await occupied(brokers)
            session.ask()
            await session.wait_for_event(Waiting)

            await session.close(drain=False)

            assert session.state is State.CLOSED if not session.ended else True

    run(main())


def test_after_a_429_the_requests_of_all_hosts_wait_as_long_as_the_provider_says() -> None:
    async def main() -> None:
        config = scripted_config((Fail("rate_limited", retry_after_s=100.0),), ECHO)
        async with governed(config) as (session, brokers):
            turn = session.ask("hello")
            await session.wait_for_event(rc.Retrying)

            other = await occupied(brokers)

            assert 100 <= asyncio.get_running_loop().time() <= 101
            other.end(Ending.ANSWERED, 10, 10)
            assert isinstance(await session.wait_for_end(turn), rc.Completed)

    run(main())


def test_the_time_that_a_request_waits_is_none_of_the_retry_policy_s() -> None:
    async def main() -> None:
        config = scripted_config((Fail("unavailable"),), ECHO, retry=rc.RetryPolicy(max_elapsed_s=5.0))
        async with governed(config) as (session, brokers):
            other = await occupied(brokers)
            turn = session.ask("hello")
            await asyncio.sleep(60)
            other.end(Ending.ANSWERED, 10, 10)

            end = await session.wait_for_end(turn)

            assert isinstance(end, rc.Completed)

    run(main())


def test_a_failed_request_and_one_that_is_interrupted_free_their_slots() -> None:
    async def main() -> None:
        config = scripted_config(
            (Say("text"), Cut()), (Say("text"), Wait()), ECHO, retry=rc.RetryPolicy(max_attempts=1)
        )
        async with governed(config) as (session, _):
            await session.wait_for_end(session.ask("fails"))
            turn = session.ask("is interrupted")
            await session.wait_for_state(State.STREAMING)
            session.tell(rc.Interrupt())
            await session.wait_for_end(turn)

            end = await session.wait_for_end(session.ask("is answered"))

            assert isinstance(end, rc.Completed)

    run(main())


def test_the_requests_of_a_compaction_pass_the_gate_too() -> None:
    async def main() -> None:
        provider = rc.Scripted(
            script=Script(answers=((Say("They talked about ravens."),),)), facts=ModelFacts(context_limit_tokens=2_000)
        )
        config = rc.SessionConfig(provider=provider, max_output_tokens=100, compaction=Summarize(keep_recent_turns=1))
        async with governed(config) as (session, brokers):
            for number in range(3):
                await session.wait_for_end(session.ask(f"message {number} " + "long " * 300))
            other = await occupied(brokers)
            session.tell(rc.Compact())
            await asyncio.sleep(1_000)
            assert session.state is State.COMPACTING

            other.end(Ending.ANSWERED, 10, 10)
            compacted = await session.wait_for_event(rc.Compacted)

            assert isinstance(compacted, rc.Compacted)
            assert compacted.problem is None

    run(main())


def test_what_an_answer_has_used_delays_the_next_request() -> None:
    async def main() -> None:
        quotas = Quotas(rules=(QuotaRule(models="*/*", output_tokens=600),))
        async with governed(scripted_config((Say("word " * 400),), ECHO), quotas) as (session, _):
            first = await session.wait_for_end(session.ask("hello"))
            assert isinstance(first, rc.Completed)
            answered_at, used = asyncio.get_running_loop().time(), first.usage.output.tokens
            assert used

            await session.wait_for_end(session.ask("again"))

            waited_s = asyncio.get_running_loop().time() - answered_at
            assert 0.9 * (used - 30) / 600 * 60 <= waited_s <= 1.2 * used / 600 * 60

    run(main())
