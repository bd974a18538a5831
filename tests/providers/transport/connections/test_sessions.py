"""Attempts and summaries of sessions whose provider closes the connections that it keeps."""

import asyncio

import msgspec
import pytest
from fixtures.session import SessionFixture, running_session
from servers.loopback import Exchange, Loopback, Respond, answers, in_turn

import rayconteur as rc
from rayconteur.compaction import Summarize

CAW = b"""data: {"id":"c1","object":"chat.completion.chunk","model":"m",\
"choices":[{"index":0,"delta":{"content":"Caw, in short."},"finish_reason":"stop"}]}

data: [DONE]

"""
OK = answers(CAW)
LONG_TEXT = "A raven hides its food, and hides it again if another one was watching. " * 10


def config(server: Loopback, **settings: object) -> rc.SessionConfig:
    provider = rc.OpenAI(model="m", api_key="sk-secret", base_url=f"{server.url}/v1")
    retry = rc.RetryPolicy(first_delay_s=0.01, max_attempts=4)
    return msgspec.structs.replace(rc.SessionConfig(provider=provider, retry=retry), **settings)


async def complete_turns(session: SessionFixture, turns: int) -> None:
    for _ in range(turns):
        await session.wait_for_event(rc.Completed, session.ask(LONG_TEXT))


def retries(session: SessionFixture) -> int:
    return sum(isinstance(event, rc.Retrying) for event in session.events)


@pytest.mark.parametrize("drop", [Exchange.drop, Exchange.reset])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_closed_connection_costs_a_turn_no_attempt(drop: Respond, streaming: bool) -> None:
    async def main() -> tuple[int, int]:
        async with (
            Loopback(in_turn(OK, drop, OK)) as server,
            running_session(config(server, streaming=streaming, retry=rc.RetryPolicy(max_attempts=1))) as session,
        ):
            await complete_turns(session, 2)
            return len(server.received), retries(session)

    assert asyncio.run(main()) == (3, 0)


def test_a_new_connection_that_is_closed_costs_an_attempt() -> None:
    async def main() -> tuple[int, int]:
        async with Loopback(in_turn(Exchange.drop, OK)) as server, running_session(config(server)) as session:
            await complete_turns(session, 1)
            return len(server.received), retries(session)

    assert asyncio.run(main()) == (2, 1)


def test_a_server_that_closes_each_connection_gets_one_request_more_than_there_are_attempts() -> None:
    async def main() -> tuple[int, int]:
        async with Loopback(in_turn(OK, Exchange.drop)) as server, running_session(config(server)) as session:
            await complete_turns(session, 1)
            await session.wait_for_event(rc.Failed, session.ask())
            return len(server.received) - 1, retries(session) + 1

    assert asyncio.run(main()) == (5, 4)


@pytest.mark.parametrize("drop", [Exchange.drop, Exchange.reset])
def test_a_closed_connection_costs_no_summary(drop: Respond) -> None:
    async def main() -> None:
        async with Loopback(in_turn(OK, OK, OK, drop, OK)) as server:
            summarizing = config(server, compaction=Summarize(keep_recent_turns=1))
            async with running_session(summarizing) as session:
                await complete_turns(session, 3)

                session.tell(rc.Compact())

                compacted = await session.wait_for_event(rc.Compacted)
                assert isinstance(compacted, rc.Compacted)
                assert compacted.problem is None
                assert "Caw, in short." in session.history_texts()[0]
                assert (len(server.received), server.connections) == (5, 2)

    asyncio.run(main())
