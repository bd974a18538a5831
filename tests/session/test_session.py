"""What a session does besides its conversation: it waits, tries again, holds back, and keeps secrets."""

import asyncio

import msgspec
import pytest
from fixtures.session import Stage, scripted, stage
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import TurnEnd
from rayconteur.scripted import Cut, Fail, Say, Think

ECHO = (Say(),)


def test_a_failed_request_is_sent_again_after_the_time_that_the_provider_asks_for() -> None:
    async def main() -> float:
        async with stage(scripted((Fail(code="rate_limited", retry_after_s=7.0),), ECHO)) as here:
            begun = asyncio.get_running_loop().time()
            turn = here.ask()
            await here.until(rc.Completed)

            assert here.of_turn(turn)[:3] == ["TurnStarted", "Retrying", "StreamStarted"]
            return asyncio.get_running_loop().time() - begun

    assert 7.0 <= run(main()) < 8.0


@pytest.mark.parametrize(
    ("policy", "requests"),
    [
        (rc.RetryPolicy(max_attempts=3), 3),
        (rc.RetryPolicy(max_attempts=100, first_delay_s=10, max_elapsed_s=25), 3),
        (rc.RetryPolicy(max_attempts=1), 1),
    ],
)
def test_a_request_is_given_up_at_the_limit(policy: rc.RetryPolicy, requests: int) -> None:
    async def main() -> None:
        async with stage(scripted((Fail(message="too much to do"),), retry=policy)) as here:
            here.ask()
            failed = await here.until(rc.Failed)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.message, failed.retryable) == ("overloaded", "too much to do", True)
            # With a pause of 10 s, of which up to half is random, there is time for two or three more.
            assert abs(here.host.status("s").requests - requests) <= (1 if policy.max_attempts == 100 else 0)

    run(main())


def test_a_failed_turn_is_retried_by_a_turn_of_its_own() -> None:
    async def main() -> None:
        async with stage(scripted((Say("half"), Cut()), (Say("whole"),))) as here:
            here.ask()
            failed = await here.until(rc.Failed)
            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.partial_text) == ("incomplete_answer", "half")

            retry = here.tell(rc.Retry()).turn
            await here.until(rc.Completed, retry)

            assert here.texts() == ["hello", "whole"]

    run(main())


def test_streamed_or_not_the_turn_comes_to_the_same() -> None:
    answer = (Think("hm"), Say("one "), Say("two"))

    async def main(streaming: bool) -> tuple[list[str], rc.Usage, list[str]]:
        async with stage(scripted(answer, streaming=streaming)) as here:
            turn = here.ask()
            await here.until(rc.Completed)
            kinds = list(dict.fromkeys(here.of_turn(turn)))
            return here.texts(), here.host.status("s").usage, kinds

    assert run(main(True)) == run(main(False))


def test_events_are_numbered_without_gaps() -> None:
    async def main() -> None:
        async with stage(scripted(ECHO)) as here:
            turns = [here.ask(f"question {number}") for number in range(5)]
            await here.until(rc.Completed, turns[-1])

            assert [event.seq for event in here.events] == list(range(1, len(here.events) + 1))

    run(main())


def test_closing_after_the_messages_that_wait_lets_them_be_answered() -> None:
    async def main() -> None:
        async with stage(scripted(ECHO)) as here:
            here.ask("one")
            here.ask("two")

            await here.host.close("s", drain=True)

            ends = [type(event) for event in here.events if isinstance(event, TurnEnd | rc.Closed)]
            assert ends == [rc.Completed, rc.Completed, rc.Closed]
            assert here.over

    run(main())


def test_another_provider_takes_over_in_mid_conversation_and_secrets_stay_inside() -> None:
    key = "sk-never-to-be-seen"
    other = rc.OpenAI(model="gpt-5-mini", api_key=key, base_url="http://127.0.0.1:9/v1")

    async def main(here: Stage) -> None:
        turn = here.ask()
        await here.until(rc.Completed, turn)

        here.tell(rc.Configure(provider=other))
        configured = await here.until(rc.Configured)

        status = here.host.status("s")
        assert isinstance(configured, rc.Configured)
        assert (configured.fields, status.provider, status.model) == (("provider",), "openai", "gpt-5-mini")
        shown = repr((here.events, status, here.host.history("s"), here.host.__dict__))
        assert key not in shown
        assert key.encode() not in msgspec.json.encode([here.events, status])

    async def whole() -> None:
        async with stage(scripted(ECHO)) as here:
            await main(here)

    asyncio.run(whole())


def test_what_the_provider_has_not_is_refused_and_changes_nothing() -> None:
    async def main() -> None:
        async with stage(scripted(ECHO)) as here:
            budget = rc.Configure(
                provider=rc.OpenAI(model="m", api_key="k"), thinking=rc.Reasoning(budget_tokens=1_000)
            )
            with pytest.raises(InvalidConfig, match="thinking"):
                here.tell(budget)

            assert here.host.status("s").provider == "scripted"
            turn = here.ask()
            await here.until(rc.Completed, turn)

    asyncio.run(main())
