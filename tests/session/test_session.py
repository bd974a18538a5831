"""A session: retries, streaming, numbering of events, closing, and secrets."""

import asyncio
import time

import msgspec
import pytest
from fixtures.session import SESSION_KEY, SessionFixture, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import ToolProgress, ToolUpdate, TurnEnd
from rayconteur.runtime.api.events import OfTurn
from rayconteur.scripted import Call, Cut, Fail, Say, Think, Wait

ECHO = (Say(),)


def test_a_failed_request_is_retried_after_the_providers_retry_after() -> None:
    async def main() -> float:
        async with running_session(scripted_config((Fail(code="rate_limited", retry_after_s=7.0),), ECHO)) as session:
            started_at = asyncio.get_running_loop().time()
            turn = session.ask()
            await session.wait_for_event(rc.Completed)

            assert session.event_kinds(turn)[:3] == ["TurnStarted", "Retrying", "StreamStarted"]
            return asyncio.get_running_loop().time() - started_at

    assert 7.0 <= run(main()) < 8.0


@pytest.mark.parametrize(
    ("policy", "requests"),
    [
        (rc.RetryPolicy(max_attempts=3), 3),
        (rc.RetryPolicy(max_attempts=100, first_delay_s=10, max_elapsed_s=25), 3),
        (rc.RetryPolicy(max_attempts=1), 1),
    ],
)
def test_retries_stop_at_the_limits_of_the_policy(policy: rc.RetryPolicy, requests: int) -> None:
    async def main() -> None:
        async with running_session(scripted_config((Fail(message="too much to do"),), retry=policy)) as session:
            session.ask()
            failed = await session.wait_for_event(rc.Failed)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.message, failed.retryable) == ("overloaded", "too much to do", True)
            # A backoff of 10 s, of which up to half is random, leaves time for two or three requests more.
            assert abs(session.status().requests - requests) <= (1 if policy.max_attempts == 100 else 0)

    run(main())


def test_all_of_the_time_since_the_first_request_counts_for_retries() -> None:
    policy = rc.RetryPolicy(max_attempts=200, first_delay_s=1, max_delay_s=1, max_elapsed_s=20)

    async def main() -> None:
        async with running_session(scripted_config((Fail(),), retry=policy)) as session:
            started_at = asyncio.get_running_loop().time()
            assert isinstance(await session.wait_for_end(session.ask()), rc.Failed)
            assert 19 < asyncio.get_running_loop().time() - started_at < 22

    run(main())


def test_the_time_for_retries_begins_with_the_first_request_of_each_answer() -> None:
    policy = rc.RetryPolicy(max_elapsed_s=60, first_delay_s=1)

    async def main() -> None:
        async with running_session(scripted_config(ECHO, (Fail(),), ECHO, retry=policy)) as session:
            await session.wait_for_end(session.ask())
            await asyncio.sleep(1_000)

            end = await session.wait_for_end(session.ask())

            assert isinstance(end, rc.Completed)
            assert session.status().requests == 3

    run(main())


def test_retry_answers_a_failed_turn_in_a_new_turn() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Say("half"), Cut()), (Say("whole"),))) as session:
            session.ask()
            failed = await session.wait_for_event(rc.Failed)
            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.partial_text) == ("incomplete_answer", "half")

            retry = session.tell(rc.Retry()).turn
            await session.wait_for_event(rc.Completed, retry)

            assert session.history_texts() == ["hello", "whole"]

    run(main())


def test_history_usage_and_events_are_the_same_with_and_without_streaming() -> None:
    answer = (Think("hm"), Say("one "), Say("two"))

    async def main(streaming: bool) -> tuple[list[str], rc.Usage, list[str]]:
        async with running_session(scripted_config(answer, streaming=streaming)) as session:
            turn = session.ask()
            await session.wait_for_event(rc.Completed)
            kinds = list(dict.fromkeys(session.event_kinds(turn)))
            return session.history_texts(), session.status().usage, kinds

    assert run(main(True)) == run(main(False))


def test_events_are_numbered_without_gaps() -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO)) as session:
            turns = [session.ask(f"question {number}") for number in range(5)]
            await session.wait_for_event(rc.Completed, turns[-1])

            assert [event.seq for event in session.events] == list(range(1, len(session.events) + 1))

    run(main())


def test_close_with_drain_answers_the_queued_messages_before_the_end() -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO)) as session:
            session.ask("one")
            session.ask("two")

            await session.close(drain=True)

            ends = [type(event) for event in session.events if isinstance(event, TurnEnd | rc.Closed)]
            assert ends == [rc.Completed, rc.Completed, rc.Closed]
            assert session.ended

    run(main())


def test_configure_switches_the_provider_and_exposes_no_secret() -> None:
    key = "sk-never-to-be-seen"
    other = rc.OpenAI(model="gpt-5-mini", api_key=key, base_url="http://127.0.0.1:9/v1")

    async def main(session: SessionFixture) -> None:
        turn = session.ask()
        await session.wait_for_event(rc.Completed, turn)

        session.tell(rc.Configure(provider=other))
        configured = await session.wait_for_event(rc.Configured)

        status = session.status()
        assert isinstance(configured, rc.Configured)
        assert (configured.fields, status.provider, status.model) == (("provider",), "openai", "gpt-5-mini")
        exposed = repr((session.events, status, session.history(), session.host.__dict__))
        assert key not in exposed
        assert key.encode() not in msgspec.json.encode([session.events, status])

    async def whole() -> None:
        async with running_session(scripted_config(ECHO)) as session:
            await main(session)

    asyncio.run(whole())


def test_a_setting_that_the_provider_does_not_support_is_rejected() -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO)) as session:
            change = rc.Configure(
                provider=rc.OpenAI(model="m", api_key="k"), thinking=rc.Reasoning(budget_tokens=1_000)
            )
            with pytest.raises(InvalidConfig, match="thinking"):
                session.tell(change)

            assert session.status().provider == "scripted"
            turn = session.ask()
            await session.wait_for_event(rc.Completed, turn)

    asyncio.run(main())


def test_every_event_of_a_session_has_its_time_and_none_is_earlier_than_the_one_before() -> None:
    answer = (Think("Hm."), Say("Look."), Call("look", {"where": "nest"}))

    async def main() -> list[rc.FromLLM]:
        async with running_session(scripted_config(answer, (Say(),))) as session:
            turn = session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            session.tell(
                rc.ToolResults(results=(rc.ToolResult(tool_use_id=batch.uses[0].id, content=(rc.Text("eggs"),)),))
            )
            await session.wait_for_end(turn)
            return session.events

    before = time.time()
    events = run(main())
    times = [event.at for event in events]

    assert {type(event) for event in events} >= {rc.TurnStarted, rc.StreamStarted, rc.ThinkingChunk, rc.ToolInputChunk}
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time()


def test_each_event_of_a_turn_has_the_correlation_id_of_its_message_and_no_event_of_another_turn_has() -> None:
    answers = (
        (Fail("overloaded", "later"),),
        (Think("Hm."), Say("Look."), Call("look", {"where": "nest"})),
        (Say("Eggs."),),
    )
    named = rc.UserMessage(content=(rc.Text("What is there?"),), correlation_id="order-7")

    async def main() -> list[rc.FromLLM]:
        async with running_session(scripted_config(*answers)) as session:
            turn = session.tell(named).turn
            batch = await session.wait_for_event(rc.ToolBatch, turn)
            assert isinstance(batch, rc.ToolBatch)
            session.tell(ToolUpdate(started=(batch.uses[0].id,), progress={batch.uses[0].id: "half"}))
            session.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id, (rc.Text("eggs"),)),)))
            await session.wait_for_end(1)
            await session.wait_for_end(session.ask())
            return session.events

    events = [event for event in run(main()) if isinstance(event, OfTurn)]

    assert {(event.turn, event.correlation_id) for event in events} == {(1, "order-7"), (2, "")}
    kinds = {type(event) for event in events if event.turn == 1}
    assert kinds >= {rc.StreamStarted, rc.TextChunk, rc.ThinkingChunk, rc.ToolInputChunk, rc.Retrying, ToolProgress}


def test_the_status_and_the_answer_have_the_figures_of_the_last_request() -> None:
    async def main() -> None:
        answer = (Think("Let me see."), Wait(2.0), Say("There are three ravens on the roof."))
        async with running_session(scripted_config(answer)) as session:
            before = time.time()
            await session.wait_for_end(session.ask())

            request = session.status().last_request
            question, said = session.history()

            assert request
            assert request == said.request
            assert (request.provider, request.model, request.stop_reason) == ("scripted", "scripted", "end_turn")
            assert request.response_id == "scripted-1"
            assert request.usage.input.provenance == "reported"
            assert request.usage.output.tokens
            assert request.duration_s
            assert request.first_text_s
            assert 2.0 < request.first_text_s < request.duration_s < 3.0
            assert before <= question.at <= said.at <= time.time()

    run(main())


@pytest.mark.parametrize("streaming", [True, False])
def test_a_request_that_failed_has_its_error_and_its_duration(streaming: bool) -> None:
    config = scripted_config((Wait(1.0), Fail("invalid_request", "no")), streaming=streaming)

    async def main() -> None:
        async with running_session(config) as session:
            await session.wait_for_end(session.ask())

            request = session.status().last_request

            assert request
            assert (request.error, request.stop_reason, request.response_id) == ("invalid_request", None, "")
            assert request.duration_s == pytest.approx(1.0, abs=0.2)
            assert request.first_text_s is None

    run(main())


def test_the_summary_has_what_happened_so_far() -> None:
    async def main() -> None:
        script = ((Call("look", {}),), (Say("Three."),), (Fail("invalid_request", "no"),))
        async with running_session(scripted_config(*script)) as session:
            summary = session.host.summary(SESSION_KEY)
            assert (summary.turns, summary.first_at, summary.last_at) == (0, None, None)
            turn = session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            session.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id, (rc.Text("3"),)),)))
            await session.wait_for_end(turn)
            await session.wait_for_end(session.ask())

            summary, status = session.host.summary(SESSION_KEY), session.status()

            assert (summary.turns, summary.completed_turns, summary.failed_turns, summary.interrupted_turns) == (
                2,
                1,
                1,
                0,
            )
            assert (summary.steps, summary.tool_calls, summary.successful_tool_calls) == (1, 1, 1)
            assert (summary.requests, summary.retries, summary.messages) == (3, 0, status.messages)
            assert summary.usage == status.usage
            assert summary.requests_s > 0
            assert summary.first_at
            assert summary.last_at
            assert summary.created_at <= summary.first_at <= summary.last_at

    run(main())
