"""Runs of tools: at the same time or in order, within their time, cancelled, and never without a result."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from fixtures import virtual_time

import rayconteur as rc
from rayconteur.runtime import FunctionTool
from rayconteur.runtime.tools.batches import Report, Runs
from rayconteur.runtime.tools.runs import ToolRun, function_run


def runs_of(tool: FunctionTool, *inputs: dict[str, Any]) -> list[ToolRun]:
    return [function_run(tool, rc.ToolUse(f"{number}", tool.name, given), 1_000) for number, given in enumerate(inputs)]


def reports(runs: Sequence[ToolRun], max_parallel: int) -> AsyncGenerator[Report, None]:
    """What becomes of *runs*."""
    all_runs = Runs(max_parallel)
    all_runs.add(runs)
    return all_runs.reports()


async def collected(runs: Sequence[ToolRun], max_parallel: int = 5) -> dict[str, str]:
    """The texts of the results by tool use id, in the order in which they came; an error begins with ``!``."""
    texts: dict[str, str] = {}
    async for report in reports(runs, max_parallel):
        texts |= {result.tool_use_id: "!" * result.is_error + text_of(result) for result in report.results}
    return texts


def text_of(result: rc.ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, rc.Text))


@rc.tool
async def sleep(for_s: float) -> str:
    await asyncio.sleep(for_s)
    return f"{asyncio.get_running_loop().time():g}"


@rc.tool(parallel=False)
async def alone(for_s: float) -> str:
    await asyncio.sleep(for_s)
    return f"{asyncio.get_running_loop().time():g}"


@pytest.mark.parametrize(
    ("tool", "max_parallel", "ends"),
    [
        (sleep, 5, {"1": "1", "2": "2", "0": "3"}),
        (sleep, 2, {"1": "1", "0": "3", "2": "3"}),
        (sleep, 1, {"0": "3", "1": "4", "2": "6"}),
        (alone, 5, {"0": "3", "1": "4", "2": "6"}),
    ],
)
def test_tools_run_at_the_same_time_up_to_the_limit_unless_one_runs_alone(
    tool: FunctionTool, max_parallel: int, ends: dict[str, str]
) -> None:
    runs = runs_of(tool, {"for_s": 3}, {"for_s": 1}, {"for_s": 2})

    texts = virtual_time.run(collected(runs, max_parallel))

    assert texts == ends


def test_one_tool_that_runs_alone_puts_all_of_its_batch_in_order() -> None:
    runs = [*runs_of(sleep, {"for_s": 3}), *runs_of(alone, {"for_s": 1})]

    async def main() -> list[str]:
        return [text_of(result) async for report in reports(runs, 5) for result in report.results]

    assert virtual_time.run(main()) == ["3", "4"]


@rc.tool(timeout_s=2)
async def limited(for_s: float) -> str:
    await asyncio.sleep(for_s)
    return "in time"


def test_a_tool_that_takes_too_long_is_stopped_and_the_model_is_told() -> None:
    texts = virtual_time.run(collected(runs_of(limited, {"for_s": 1.9}, {"for_s": 2.1})))

    assert texts == {"0": "in time", "1": "!The tool did not end within 2 seconds."}


def test_a_function_that_never_returns_costs_only_its_own_result() -> None:
    forever = threading.Event()

    @rc.tool(timeout_s=0.05)
    def hang() -> None:
        forever.wait()

    try:
        assert asyncio.run(collected(runs_of(hang, {}))) == {"0": "!The tool did not end within 0.05 seconds."}
    finally:
        forever.set()


def test_functions_run_in_threads_of_their_own_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    @rc.tool
    def meet() -> str:
        together.wait()
        return threading.current_thread().name

    assert set(asyncio.run(collected(runs_of(meet, {}, {}, {}))).values()) == {"tool meet"}


def fails() -> None:
    raise ValueError("no ravens \ud800 here")


async def fails_later() -> None:
    raise TimeoutError("their own")


def leaves() -> None:
    raise SystemExit(3)


async def leaves_later() -> None:
    raise SystemExit(3)


async def is_cancelled() -> None:
    raise asyncio.CancelledError


def stops() -> object:
    return next(iter(()))


def generates(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"{number} done"


class Unprintable(Exception):
    """An error, and a result, whose text raises another error."""

    def __str__(self) -> str:
        raise LookupError


def fails_unprintably() -> None:
    raise Unprintable


def returns_unprintable() -> Unprintable:
    return Unprintable()


def fails_at_length() -> None:
    raise ValueError("x" * 5_000)


async def streams(count: int) -> AsyncIterator[str]:
    for number in range(count):
        yield f"{number} done"


def makes_awaitable(after_s: float) -> Any:
    return asyncio.sleep(after_s, "awaited")


class Callee:
    """A tool that is an object."""

    async def __call__(self, word: str) -> str:
        return word


@pytest.mark.parametrize(
    ("function", "given", "text"),
    [
        (fails, {}, "!ValueError: no ravens \\ud800 here"),
        (fails_later, {}, "!TimeoutError: their own"),
        (leaves, {}, "!RuntimeError: SystemExit: 3"),
        (leaves_later, {}, "!RuntimeError: SystemExit: 3"),
        (is_cancelled, {}, "!RuntimeError: the tool was cancelled"),
        (stops, {}, "!RuntimeError: StopIteration"),
        (fails_unprintably, {}, "!Unprintable"),
        (returns_unprintable, {}, "!the tool returned a Unprintable without a text: LookupError"),
        (fails_at_length, {}, f"!ValueError: {'x' * 988}\n[cut off here"),
        (generates, {"count": 3}, "2 done"),
        (streams, {"count": 3}, "2 done"),
        (streams, {"count": 0}, "No result."),
        (makes_awaitable, {"after_s": 0}, "awaited"),
        (Callee(), {"word": "raven"}, "raven"),
        (fails, {"more": 1}, "!The input does not fit the schema of the tool: Object contains unknown field `more`. N"),
    ],
)
def test_whatever_a_tool_does_the_model_gets_a_result(
    function: Callable[..., object], given: dict[str, Any], text: str
) -> None:
    (got,) = asyncio.run(collected(runs_of(rc.tool(function), given))).values()

    assert got.startswith(text)


def test_the_runs_of_results_that_nobody_waits_for_any_more_are_cancelled_and_no_other_starts() -> None:
    happened: list[str] = []

    @rc.tool
    async def note(name: str) -> None:
        happened.append(f"{name} starts")
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            happened.append(f"{name} is cancelled")
            raise

    async def main() -> None:
        task = asyncio.create_task(collected(runs_of(note, {"name": "a"}, {"name": "b"}, {"name": "c"}), 2))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await asyncio.sleep(10)

    virtual_time.run(main())
    assert sorted(happened) == ["a is cancelled", "a starts", "b is cancelled", "b starts"]


@pytest.mark.parametrize("timeout_s", [None, 1], ids=["cancelled", "too late"])
def test_a_tool_that_does_not_let_itself_be_cancelled_delays_nobody_for_long(timeout_s: float | None) -> None:
    @rc.tool(timeout_s=timeout_s)
    async def stubborn() -> None:
        ends_at = asyncio.get_running_loop().time() + 100
        while (left := ends_at - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue

    async def main() -> float:
        task = asyncio.create_task(collected(runs_of(stubborn, {})))
        if timeout_s is None:
            await asyncio.sleep(1)
            task.cancel()
        await asyncio.wait({task})
        return asyncio.get_running_loop().time()

    with virtual_time.runner() as runner:
        assert runner.run(main()) <= 2.0


def test_four_tools_of_half_a_second_take_little_more_than_one() -> None:
    def wait() -> None:
        time.sleep(0.5)

    started = time.monotonic()
    asyncio.run(collected(runs_of(rc.tool(wait), {}, {}, {}, {})))

    assert time.monotonic() - started < 0.8


def test_the_traceback_of_a_failed_tool_is_logged_so_that_any_log_file_takes_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        asyncio.run(collected(runs_of(rc.tool(fails), {})))

    (record,) = caplog.records
    text = record.getMessage()
    assert "Traceback" in text
    assert "no ravens \\ud800 here" in text
    assert (record.exc_info, text.encode().decode()) == (None, text)
