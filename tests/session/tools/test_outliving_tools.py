"""Tools on Ray that outlive the process of their session: another process runs them, and the next gets the result."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from fixtures.killable_host import KEY, KillableHost, Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.tools.ray_runner import Runner, hangs, seen, sees, shipped
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import UnknownSession
from rayconteur.runtime.api.tools.places import ShippedRun
from rayconteur.runtime.session.requests.credentials import Supplied
from rayconteur.runtime.session.tools.outliving.kept_runs import KEPT_BYTES, KEPT_S, KeptRuns
from rayconteur.runtime.session.tools.outliving.messages import decode_end
from rayconteur.runtime.session.tools.run_orders import RunEnd, RunId, RunOrder
from rayconteur.runtime.tools.runs import OnProgress
from rayconteur.scripted import Call, Say

ASKS, DONE = (Call("look", id="a"),), (Say("done"),)
CONFIG = scripted_config(ASKS, DONE, tools=(shipped(),))


class KeptHere:
    """Has *runs* run the tools of a host, which may be killed: they are of another process."""

    def __init__(self, runs: KeptRuns) -> None:
        self.runs = runs

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunEnd:
        return decode_end.decode(await self.runs.end(order, on_progress))

    def drop(self, order: RunOrder) -> None:
        self.runs.drop(order.id, order.incarnation)


class Stage:
    """A session, and the process that runs its tools by *look*."""

    def __init__(self, look: Callable[[rc.ToolUse], Awaitable[rc.ToolResult]]) -> None:
        self.runner = Runner(look)
        self.runs = KeptRuns(self.runner)
        self.namespace = Namespace(SlowJournal(), KeptHere(self.runs))

    async def open(self, config: rc.SessionConfig = CONFIG) -> None:
        """Open the session, and ask it something for which it runs a tool."""
        await self.namespace.open(config)
        await self.namespace.host.ask("look")
        await self.runner.wait_running(1)


def with_stage(
    look: Callable[[rc.ToolUse], Awaitable[rc.ToolResult]], test: Callable[[Stage], Coroutine[Any, Any, None]]
) -> None:
    async def main() -> None:
        stage = Stage(look)
        try:
            await test(stage)
        finally:
            await stage.namespace.stop()

    run(main())


def completed(event: rc.FromLLM) -> bool:
    return isinstance(event, rc.Completed)


def test_the_next_process_gets_the_result_of_a_tool_that_ran_on() -> None:
    async def test(stage: Stage) -> None:
        await stage.open()
        stage.namespace.host.kill()
        await asyncio.sleep(0.5)

        await stage.namespace.recover()

        await stage.namespace.wait_for(completed)
        assert stage.runner.started == ["a"]
        assert stage.namespace.texts()[-1] == "done"
        await asyncio.sleep(0.1)
        assert not len(stage.runs)  # what is stored with the session is kept nowhere else

    with_stage(sees, test)


def test_a_result_that_came_while_there_was_no_process_is_kept_for_the_next_one() -> None:
    async def test(stage: Stage) -> None:
        await stage.open()
        stage.namespace.host.kill()
        await asyncio.sleep(KEPT_S - 1)

        await stage.namespace.recover()

        await stage.namespace.wait_for(completed)
        assert stage.runner.started == ["a"]

    with_stage(sees, test)


def test_a_tool_runs_on_when_another_process_takes_over_its_session() -> None:
    async def test(stage: Stage) -> None:
        await stage.open()
        before, after = stage.namespace.host, KillableHost(stage.namespace)
        stage.namespace.hosts.append(after)
        await after.host.resume(KEY, Supplied(await after.host.rebuild(KEY)))

        with pytest.raises(UnknownSession, match="taken over"):
            await before.ask("and more")

        await stage.namespace.wait_for(completed)
        assert stage.runner.started == ["a"]

    with_stage(sees, test)


def test_a_tool_runs_on_when_its_session_leaves() -> None:
    async def test(stage: Stage) -> None:
        await stage.open()
        assert await stage.namespace.host.host.leaving.drain(0.1) == [KEY[0]]

        await stage.namespace.recover()

        await stage.namespace.wait_for(completed)
        assert stage.runner.started == ["a"]

    with_stage(sees, test)


def test_interrupting_the_turn_cancels_the_tool() -> None:
    async def test(stage: Stage) -> None:
        await stage.open()
        stage.namespace.host.kill()
        await stage.namespace.recover()

        await stage.namespace.host.send(rc.Interrupt())
        await asyncio.sleep(0)

        assert not stage.runner.running
        assert not len(stage.runs)

    with_stage(hangs, test)


def order(use_id: str = "a", incarnation: int = 1, timeout_s: float | None = None) -> RunOrder:
    tool = ShippedRun.of(shipped(timeout_s=timeout_s))
    return RunOrder(RunId(*KEY, 1, 1, use_id), incarnation, tool, rc.ToolUse(use_id, "look", {}))


def ignore(text: str) -> None:
    pass


def test_an_incarnation_that_was_replaced_drops_nothing() -> None:
    async def main() -> None:
        runs = KeptRuns(Runner(sees))
        earlier = asyncio.create_task(runs.end(order(), ignore))
        await asyncio.sleep(0.1)
        later = asyncio.create_task(runs.end(order(incarnation=2), ignore))
        await asyncio.sleep(0.1)

        runs.drop(order().id, 1)

        assert await earlier == await later
        runs.drop(order().id, 2)
        assert not runs.knows(order())

    run(main())


def test_a_run_ends_after_its_time_though_nobody_waits_and_its_result_is_not_kept_for_ever() -> None:
    async def main() -> None:
        runner = Runner(hangs)
        runs = KeptRuns(runner)
        waiting = asyncio.create_task(runs.end(order(timeout_s=5.0), ignore))
        await runner.wait_running(1)
        waiting.cancel()

        await asyncio.sleep(5.1)

        assert not runner.running
        result, may_repeat = decode_end.decode(await runs.end(order(timeout_s=5.0), ignore))
        assert (result.is_error, may_repeat) == (True, True)
        await asyncio.sleep(KEPT_S)
        assert not len(runs)

    run(main())


def test_of_results_that_take_too_much_memory_the_first_ones_are_dropped() -> None:
    async def says_much(use: rc.ToolUse) -> rc.ToolResult:
        return seen(use, "x" * (KEPT_BYTES // 3))

    async def main() -> None:
        runs = KeptRuns(Runner(says_much))
        for use in ("a", "b", "c"):
            await runs.end(order(use), ignore)

        assert [use for use in ("a", "b", "c") if runs.knows(order(use))] == ["b", "c"]

    run(main())


@pytest.mark.parametrize("attempt", [0, 1])
def test_attempts_are_runs_of_their_own(attempt: int) -> None:
    async def main() -> None:
        runs = KeptRuns(Runner(sees))
        await runs.end(order(), ignore)

        assert runs.knows(order().again(attempt)) == (attempt == 0)

    run(main())
