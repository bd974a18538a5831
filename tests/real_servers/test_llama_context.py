"""A session with llama.cpp's server, whose window of 1,024 tokens is configured nowhere."""

import asyncio

import pytest
from fixtures.session import running_session
from servers.llama import Llama, chat

import rayconteur as rc
from rayconteur.runtime import CompactReason

# Each summary takes a slow model some seconds, and several are written: too long for make test.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

FACTS = ("Corvin", "Munin", "Tower 7")
FIRST = ("My name is Corvin and my raven is called Munin.", "The nest is at Tower 7.")
QUESTION = "Tell me something about ravens, part {}."


@pytest.mark.parametrize(
    ("turns", "more"),
    [
        pytest.param(14, " They are clever birds, and they live in many places of the world." * 4, id="long messages"),
        pytest.param(40, "", id="many turns"),
    ],
)
def test_turns_exceed_the_window_once_lose_none_and_keep_the_facts_of_the_first(
    llama: Llama, turns: int, more: str
) -> None:
    async def main() -> None:
        config = rc.SessionConfig(provider=chat(llama.url), max_output_tokens=16, temperature=0.0)
        async with running_session(config) as session:
            for text in (*FIRST, *(QUESTION.format(number) + more for number in range(3, turns + 1))):
                end = await session.wait_for_end(session.ask(text))
                assert isinstance(end, rc.Completed), end

            compactions = [event for event in session.events if isinstance(event, rc.Compacted)]
            assert [event.reason for event in compactions].count(CompactReason.OVERFLOW) == 1
            assert session.status().context_limit_tokens == 1_024
            assert all(fact in repr(session.history()) for fact in FACTS)
            assert len(session.history(full=True)) == 2 * turns

    asyncio.run(main())
