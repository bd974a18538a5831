"""Tools that run on Ray, and start while the answer is streamed."""

import asyncio

from fixtures.session import running_session, scripted_config
from fixtures.tools.ray_runner import Runner, hangs, sees, shipped
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime import ToolCompleted, ToolStart
from rayconteur.scripted import Call, Fail, Say, Wait

LOOKS = tuple(Call("look", {"at": at}, id=at) for at in "abc")
DONE = (Say("done"),)
EARLY = {"start_tools": ToolStart.STREAMING}


def test_tools_of_an_answer_that_goes_on_run_within_the_limit_of_their_step() -> None:
    runner = Runner(hangs)
    config = scripted_config((*LOOKS, Wait()), tools=(shipped(max_parallel=2),), **EARLY)

    async def main() -> None:
        async with running_session(config) as session:
            session.host.ray_tools.runner = runner
            turn = session.ask()
            await session.wait_for(lambda event: isinstance(event, rc.ToolBatch) and event.uses[0].id == "c")
            await runner.wait_running(2)
            assert runner.started == ["a", "b"]

            session.tell(rc.ToolResults(results=(rc.ToolResult("a"),)))
            await session.wait_for_event(ToolCompleted)
            await asyncio.sleep(1)
            assert runner.running == {"b", "c"}
            session.tell(rc.Interrupt(turn=turn))
            await session.wait_for_end(turn)
            await asyncio.sleep(1)
            assert runner.running == set()

    run(main())


def test_what_runs_for_an_answer_that_fails_is_cancelled_and_runs_anew_for_the_next_one() -> None:
    runner = Runner(hangs)
    config = scripted_config((LOOKS[0], Wait(seconds=1), Fail()), LOOKS[:1], DONE, tools=(shipped(),), **EARLY)

    async def main() -> None:
        async with running_session(config) as session:
            session.host.ray_tools.runner = runner
            turn = session.ask()
            await runner.wait_running(1)
            await session.wait_for_event(rc.Retrying)
            runner.look = sees
            assert isinstance(await session.wait_for_end(turn), rc.Completed)
            assert runner.started == ["a", "a-2"]
            [result] = session.history()[-2].content
            assert isinstance(result, rc.ToolResult)
            assert result.tool_use_id == "a-2"

    run(main())
