"""What is reported of the tools of an answer: their starts, their progress, how long they took."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

from fixtures import virtual_time

import rayconteur as rc
from rayconteur.runtime import FunctionTool
from rayconteur.runtime.tools.batches import Report, Runs
from rayconteur.runtime.tools.runs import ToolRun, function_run


def reports(runs: Sequence[ToolRun], max_parallel: int) -> AsyncGenerator[Report, None]:
    """What becomes of *runs*."""
    all_runs = Runs(max_parallel)
    all_runs.add(runs)
    return all_runs.reports()


def reported(tool: FunctionTool, *inputs: dict[str, object]) -> list[tuple[float, Report]]:
    """The reports of runs with *inputs*, each with the time when it came."""
    runs = [function_run(tool, rc.ToolUse(str(n), tool.name, given), 1_000) for n, given in enumerate(inputs)]

    async def main() -> list[tuple[float, Report]]:
        loop = asyncio.get_running_loop()
        return [(round(loop.time(), 3), report) async for report in reports(runs, 5)]

    return virtual_time.run(main())


@rc.tool
async def sleep(for_s: float) -> str:
    await asyncio.sleep(for_s)
    return "slept"


def test_a_tool_that_ends_at_once_has_no_report_of_its_start() -> None:
    [(at, report)] = reported(sleep, {"for_s": 0.04})

    assert (at, report.started, report.durations_s) == (0.04, (), {"0": 0.04})


def test_a_tool_that_goes_on_is_reported_as_started_once() -> None:
    started, fast, slow = reported(sleep, {"for_s": 3}, {"for_s": 0.06})

    assert (started[0], started[1].started, started[1].outcomes) == (0.05, ("0", "1"), [])
    assert (fast[0], fast[1].started, fast[1].durations_s) == (0.06, (), {"1": 0.06})
    assert (slow[0], slow[1].started, slow[1].durations_s) == (3, (), {"0": 3})


def test_what_a_generator_yields_is_its_progress_and_what_it_yields_last_is_its_result() -> None:
    @rc.tool
    async def download() -> AsyncIterator[object]:
        for percent in (0, 1, 2):
            yield f"{percent} %"
            await asyncio.sleep(0.01)
        yield {"percent": 50}
        await asyncio.sleep(2)
        yield "the file"

    found = [(at, report.progress, len(report.outcomes)) for at, report in reported(download, {})]

    assert found == [(0.05, {"0": '{"percent":50}'}, 0), (2.03, {}, 1)]


def test_progress_that_comes_at_once_after_a_report_waits_for_more() -> None:
    @rc.tool
    async def count() -> AsyncIterator[int]:
        for number in range(100):
            yield number
            await asyncio.sleep(0.01)

    found = reported(count, {})

    assert len(found) < 25
    assert found[-1][1].results[0].content == (rc.Text("99"),)
    progress = [int(report.progress["0"]) for _, report in found[:-1]]
    assert progress == sorted(set(progress))


def test_a_generator_that_is_not_async_tells_of_its_progress_too() -> None:
    in_the_middle = asyncio.Event()
    told: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    @rc.tool
    def download() -> Iterator[str]:
        yield "half"
        asyncio.run_coroutine_threadsafe(in_the_middle.wait(), loops[0]).result(10)
        yield "the file"

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async for report in reports([function_run(download, rc.ToolUse("a", "download", {}), 1_000)], 5):
            if report.progress:
                told.append(report.progress["a"])
                in_the_middle.set()

    asyncio.run(main())

    assert told == ["half"]


def test_a_tool_that_fails_is_repeated_as_often_as_it_may_and_each_time_later() -> None:
    starts: list[float] = []

    @rc.tool(retries=2)
    async def flaky() -> str:
        starts.append(asyncio.get_running_loop().time())
        if len(starts) < 3:
            raise ConnectionError("no route")
        return "there"

    [*_, (_, report)] = reported(flaky, {})

    assert starts == [0, 0.5, 1.5]
    assert report.results[0].content == (rc.Text("there"),)
    assert report.outcomes[0].error is None


def test_the_last_error_of_a_tool_that_is_repeated_is_its_result() -> None:
    attempts: list[int] = []

    @rc.tool(retries=1, timeout_s=1)
    async def stuck() -> None:
        attempts.append(len(attempts))
        await asyncio.Event().wait()

    [*_, (at, report)] = reported(stuck, {})

    assert (at, attempts) == (2.5, [0, 1])
    assert isinstance(report.outcomes[0].error, TimeoutError)
    assert report.results[0].is_error


def test_input_that_does_not_fit_is_not_tried_again() -> None:
    @rc.tool(retries=5)
    async def look(at: int) -> int:
        return at

    [(at, report)] = reported(look, {"at": "the sky"})

    assert at == 0
    assert report.results[0].is_error
