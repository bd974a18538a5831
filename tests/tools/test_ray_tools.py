"""Tools that run on Ray, as a session sees them: it starts them itself, and takes their results as from a program."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from fixtures.session import SessionFixture, running_session, scripted_config
from fixtures.tools.ray_runner import Runner, hangs, seen, sees, shipped
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime import (
    Approval,
    ApprovalRequested,
    Approve,
    Deny,
    ToolCompleted,
    ToolProgress,
)
from rayconteur.scripted import Call, Say

ASKS = (Call("look", id="a"), Call("look", id="b"), Call("look", id="c"))
PDF = rc.Document(data=b"%PDF" + bytes(10_000), media_type="application/pdf")
DONE = (Say("done"),)


def results_of(session: SessionFixture) -> list[rc.ToolResult]:
    return [block for message in session.history() for block in message.content if isinstance(block, rc.ToolResult)]


def texts(results: Sequence[rc.ToolResult]) -> list[str]:
    return ["".join(block.text for block in each.content if isinstance(block, rc.Text)) for each in results]


def test_a_session_runs_them_without_any_program_and_asks_programs_for_the_other_uses_of_the_batch() -> None:
    runner = Runner(sees)
    config = scripted_config(
        (Call("look", id="a"), Call("here", id="b")), DONE, tools=(shipped(), rc.Tool(name="here"))
    )

    async def main() -> None:
        async with running_session(config) as session:
            session.host.ray_tools.runner = runner
            turn = session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            assert batch.on_ray == ("a",)
            session.tell(rc.ToolResults(results=(rc.ToolResult("b", (rc.Text("mine"),)),)))

            assert isinstance(await session.wait_for_end(turn), rc.Completed)
            assert texts(results_of(session)) == ["seen", "mine"]

    run(main())


def test_a_tool_that_takes_longer_than_a_session_waits_for_results_goes_on() -> None:
    async def takes_two_hours(use: rc.ToolUse) -> rc.ToolResult:
        await asyncio.sleep(7_200)
        return seen(use)

    async def main() -> None:
        tools = (shipped(timeout_s=None),)
        async with running_session(scripted_config(ASKS[:1], DONE, tools=tools, results_timeout_s=90.0)) as session:
            session.host.ray_tools.runner = Runner(takes_two_hours)
            assert isinstance(await session.wait_for_end(session.ask()), rc.Completed)
            assert texts(results_of(session)) == ["seen"]

    run(main())


@pytest.mark.parametrize(
    ("tool", "most"),
    [(shipped(), 3), (shipped(max_parallel=2), 2), (shipped(parallel=False), 1)],
    ids=["all", "at most two", "alone"],
)
def test_as_many_run_at_a_time_as_the_options_and_the_tools_allow(tool: rc.Tool, most: int) -> None:
    runner = Runner(sees)

    async def main() -> None:
        async with running_session(scripted_config(ASKS, DONE, tools=(tool,))) as session:
            session.host.ray_tools.runner = runner
            await session.wait_for_end(session.ask())

    run(main())
    assert runner.started == ["a", "b", "c"]
    assert runner.most == most


@pytest.mark.parametrize(
    "end", [rc.Interrupt(), rc.UserMessage.of("stop"), None], ids=["interrupt", "message", "close"]
)
def test_when_the_turn_ends_what_runs_is_cancelled_and_nothing_starts(end: rc.ToLLM | None) -> None:
    runner = Runner(hangs)
    config = scripted_config(ASKS, DONE, tools=(shipped(max_parallel=2),), when_busy="interrupt")

    async def main() -> None:
        async with running_session(config) as session:
            session.host.ray_tools.runner = runner
            turn = session.ask()
            await session.wait_for_event(rc.ToolBatch)
            await runner.wait_running(2)

            if end is None:
                await session.close(drain=False)
            else:
                session.tell(end)
                await session.wait_for_end(turn)
            await asyncio.sleep(1)

            assert runner.running == set()
            assert runner.started == ["a", "b"]

    run(main())


def test_a_use_that_somebody_else_answers_is_cancelled_or_not_started_and_the_others_go_on() -> None:
    runner = Runner(hangs)

    async def main() -> None:
        async with running_session(scripted_config(ASKS, DONE, tools=(shipped(max_parallel=1),))) as session:
            session.host.ray_tools.runner = runner
            turn = session.ask()
            await session.wait_for_event(rc.ToolBatch)
            await runner.wait_running(1)
            runner.look = sees

            session.tell(rc.ToolResults(results=(rc.ToolResult("a", (rc.Text("mine"),)),)))
            session.tell(rc.ToolResults(results=(rc.ToolResult("b", (rc.Text("mine, too"),)),)))

            assert isinstance(await session.wait_for_end(turn), rc.Completed)
            assert texts(results_of(session)) == ["mine", "mine, too", "seen"]
            assert runner.started == ["a", "c"]

    run(main())


def test_one_that_takes_too_long_is_cancelled_and_the_model_is_told() -> None:
    runner = Runner(hangs)

    async def main() -> None:
        async with running_session(scripted_config(ASKS[:1], DONE, tools=(shipped(timeout_s=5),))) as session:
            session.host.ray_tools.runner = runner
            await session.wait_for_end(session.ask())

            assert texts(results_of(session)) == ["The tool did not end within 5 seconds."]
            assert results_of(session)[0].is_error
            assert runner.running == set()

    run(main())


def test_one_that_fails_is_repeated_as_often_as_the_tool_allows() -> None:
    async def fails(use: rc.ToolUse) -> rc.ToolResult:
        return rc.ToolResult(use.id, (rc.Text("no raven"),), is_error=len(runner.started) < 3)

    runner = Runner(fails)

    async def main(retries: int) -> bool:
        runner.started.clear()
        async with running_session(scripted_config(ASKS[:1], DONE, tools=(shipped(retries=retries),))) as session:
            session.host.ray_tools.runner = runner
            await session.wait_for_end(session.ask())
            return results_of(session)[0].is_error

    assert run(main(1))
    assert runner.started == ["a", "a"]
    assert not run(main(2))


def test_its_start_its_end_and_its_step_are_events() -> None:
    async def main() -> None:
        async with running_session(scripted_config(ASKS[:1], DONE, tools=(shipped(),))) as session:
            session.host.ray_tools.runner = Runner(sees)
            turn = session.ask()
            await session.wait_for_end(turn)

            kinds = session.event_kinds(turn)
            first = kinds.index("ToolBatch")
            assert kinds[first : first + 4] == ["ToolBatch", "ToolStarted", "ToolCompleted", "StepCompleted"]
            completed = await session.wait_for_event(ToolCompleted)
            assert isinstance(completed, ToolCompleted)
            assert completed.duration_s == 1

    run(main())


def test_what_it_says_of_its_progress_is_an_event_unless_there_is_no_room_for_it() -> None:
    async def main(says: str) -> tuple[list[str], list[str]]:
        config = scripted_config(ASKS[:1], DONE, tools=(shipped(),), limits=rc.Limits(message_bytes=1_000))
        async with running_session(config) as session:
            session.host.ray_tools.runner = runner = Runner(sees)
            runner.says = ("one", says)
            turn = session.ask()
            assert isinstance(await session.wait_for_end(turn), rc.Completed)
            told = [event.text for event in session.events if isinstance(event, ToolProgress)]
            return told, texts(results_of(session))

    assert run(main("two")) == (["two"], ["seen"])  # the later one of those at the same time
    assert run(main("x" * 1_500)) == ([], ["seen"])


def test_a_use_that_needs_approval_starts_when_it_has_it() -> None:
    runner = Runner(sees)
    tool = msgspec.structs.replace(shipped(), approve=Approval.ALWAYS)

    async def main() -> None:
        async with running_session(scripted_config(ASKS, DONE, tools=(tool,))) as session:
            session.host.ray_tools.runner = runner
            turn = session.ask()
            await session.wait_for_event(ApprovalRequested)
            await asyncio.sleep(1)
            assert runner.started == []

            session.tell(Approve(tool_use_ids=("b",)))
            session.tell(Approve(tool_use_ids=("c",), inputs={"c": {"word": "edited"}}))
            session.tell(Deny(tool_use_ids=("a",)))

            assert isinstance(await session.wait_for_end(turn), rc.Completed)
            assert runner.started == ["b", "c"]
            assert runner.inputs == [{}, {"word": "edited"}]

    run(main())


@pytest.mark.parametrize(
    ("content", "read"),
    [(rc.Text("x" * 10_000), "the text has 10,000 bytes"), (PDF, "message_bytes")],
)
def test_of_a_result_that_is_too_large_the_model_gets_the_beginning_or_else_the_reason(
    content: rc.Text | rc.Document, read: str
) -> None:
    async def large(use: rc.ToolUse) -> rc.ToolResult:
        return rc.ToolResult(use.id, (content,))

    limits = rc.Limits(message_bytes=5_000)

    async def main() -> None:
        async with running_session(scripted_config(ASKS[:1], DONE, tools=(shipped(),), limits=limits)) as session:
            session.host.ray_tools.runner = Runner(large)
            await session.wait_for_end(session.ask())

            (result,) = results_of(session)
            assert result.is_error is isinstance(content, rc.Document)
            assert read in texts([result])[0]

    run(main())


def test_a_turn_whose_result_is_rejected_with_its_reason_ends() -> None:
    async def large(use: rc.ToolUse) -> rc.ToolResult:
        return seen(use, "x" * 10_000)

    limits = rc.Limits(message_bytes=60)

    async def main() -> None:
        async with running_session(scripted_config(ASKS[:1], DONE, tools=(shipped(),), limits=limits)) as session:
            session.host.ray_tools.runner = Runner(large)

            assert isinstance(await session.wait_for_end(session.ask("hi")), rc.Interrupted)

    run(main())


def test_a_fault_of_the_runner_and_a_session_without_one_are_error_results() -> None:
    async def fails(use: rc.ToolUse) -> rc.ToolResult:
        raise OSError(use.name)

    async def main(runner: Runner | None) -> str:
        async with running_session(scripted_config(ASKS[:1], DONE, tools=(shipped(),))) as session:
            if runner:
                session.host.ray_tools.runner = runner
            assert isinstance(await session.wait_for_end(session.ask()), rc.Completed)
            assert results_of(session)[0].is_error
            return texts(results_of(session))[0]

    assert run(main(Runner(fails))) == "The tool can't be run: OSError: look"
    assert "does not" in run(main(None))
