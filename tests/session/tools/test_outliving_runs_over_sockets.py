"""What a session's process and the one that runs its tools say to each other, over real sockets."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from fixtures.tools.ray_runner import Runner, hangs, seen, shipped
from servers.streams import NODE, listening

import rayconteur as rc
from rayconteur.runtime.api.tools.places import ShippedRun
from rayconteur.runtime.session.tools.outliving.client import OutlivingRuns
from rayconteur.runtime.session.tools.outliving.kept_runs import KeptRuns
from rayconteur.runtime.session.tools.outliving.server import RunsServer
from rayconteur.runtime.session.tools.run_orders import RunId, RunOrder
from rayconteur.runtime.streams.channel import Channel
from rayconteur.runtime.streams.endpoint import Endpoint


def order(use_id: str = "a", function: bytes = b"pickled", resumed: bool = False) -> RunOrder:
    tool = msgspec.structs.replace(ShippedRun.of(shipped(timeout_s=None)), function=function)
    return RunOrder(RunId("raven", 1, 1, 1, use_id), 1, tool, rc.ToolUse(use_id, "look", {}), (), resumed)


def text_of(result: rc.ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, rc.Text))


class Tools:
    """A process that runs tools by *runner*, as others see it."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.runs = KeptRuns(runner)
        self.server = RunsServer(self.runs)

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[Channel]:
        async with listening(self.server.serve) as endpoint:
            channel = channel_to(endpoint)
            yield channel
            await channel.aclose()


def channel_to(endpoint: Endpoint) -> Channel:
    async def locate() -> Endpoint:
        return endpoint

    return Channel(locate, "host-1", NODE)


async def looks(use: rc.ToolUse) -> rc.ToolResult:
    await asyncio.sleep(0.01)
    return seen(use)


async def no_others() -> Iterable[Channel]:
    return ()


def test_a_tool_runs_there_and_says_how_far_it_is() -> None:
    async def main() -> None:
        tools = Tools(Runner(looks))
        tools.runner.says = ["first", "second"]
        texts: list[object] = []
        async with tools.channel() as channel:
            runs = OutlivingRuns(channel, no_others)

            result, _ = await runs.run(order(), texts.append)

            assert (text_of(result), texts) == ("seen", ["first", "second"])
            assert len(tools.runs) == 1
            runs.drop(order())
            await runs.run(order("b"), texts.append)  # calls arrive in order
            assert not tools.runs.knows(order())

    asyncio.run(main())


def test_what_has_dropped_a_tool_is_not_kept() -> None:
    async def main() -> None:
        tools = Tools(Runner(looks))
        async with tools.channel() as channel:
            runs, before = OutlivingRuns(channel, no_others), asyncio.all_tasks()
            runs.drop(order())
            dropping = [weakref.ref(task) for task in asyncio.all_tasks() - before]

            await runs.run(order("b"), print)  # calls arrive in order
            gc.collect()

            assert [task() for task in dropping] == [None]

    asyncio.run(main())


def test_a_large_function_is_sent_once() -> None:
    async def main() -> None:
        tools = Tools(Runner(looks))
        functions: list[int] = []
        large = b"x" * 1_000_000
        async with tools.channel() as channel:
            call = channel.call
            channel.call = lambda method, data, *more: functions.append(len(data)) or call(method, data, *more)  # type: ignore[func-returns-value,method-assign]
            runs = OutlivingRuns(channel, no_others)

            for use in ("a", "b"):
                await runs.run(order(use, large), print)

        assert [size > 1_000_000 for size in functions] == [False, True, False]

    asyncio.run(main())


def test_what_another_process_has_begun_is_waited_for_there_and_else_it_is_begun_here() -> None:
    async def main() -> None:
        begun, own = Tools(Runner(looks)), Tools(Runner(looks))
        async with AsyncExitStack() as stack:
            there = await stack.enter_async_context(listening(begun.server.serve))
            here = await stack.enter_async_context(own.channel())
            lost = asyncio.create_task(OutlivingRuns(channel_to(there), no_others).run(order(), print))
            await begun.runner.wait_running(1)
            lost.cancel()

            async def others() -> Iterable[Channel]:
                return (channel_to(there),)

            runs = OutlivingRuns(here, others)
            await asyncio.gather(*(runs.run(order(use, resumed=True), print) for use in ("a", "b")))

        assert (begun.runner.started, own.runner.started) == (["a"], ["b"])

    asyncio.run(main())


def test_a_process_that_hangs_delays_what_it_may_have_begun_for_a_moment_only() -> None:
    async def main() -> None:
        own = Tools(Runner(looks))

        async def never_serves(*call: object) -> bytes:
            await asyncio.Event().wait()
            return b""

        async with own.channel() as here, listening(never_serves) as endpoint:

            async def others() -> Iterable[Channel]:
                return (channel_to(endpoint),)

            result, _ = await OutlivingRuns(here, others, find_s=0.05).run(order(resumed=True), print)

        assert text_of(result) == "seen"

    asyncio.run(main())


def test_a_run_goes_on_when_whoever_waits_for_it_is_cancelled_or_loses_the_connection() -> None:
    async def main() -> None:
        tools = Tools(Runner(hangs))
        async with tools.channel() as channel:
            waiting = asyncio.create_task(OutlivingRuns(channel, no_others).run(order(), print))
            await tools.runner.wait_running(1)
            waiting.cancel()
            await asyncio.wait({waiting})
            assert tools.runner.running
        assert tools.runner.running
        assert not tools.server.peers
        tools.runs.drop(order().id, 1)
        await asyncio.sleep(0)
        assert not tools.runner.running

    asyncio.run(main())
