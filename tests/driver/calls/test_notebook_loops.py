"""The runtime in a notebook: cells with a top-level await in one loop, and several loops one after the other."""

import ast
import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fixtures.rejections import ECHO, rejected

import rayconteur as rc
from rayconteur.errors import WrongContext


class Notebook:
    """Runs cells as IPython does: each is compiled with a top-level ``await``, in one loop and one namespace."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **names: object) -> None:
        self.names: dict[str, Any] = {"rc": rc, **names}
        self._loop = loop

    def run(self, cell: str) -> None:
        """Run *cell* within the running loop, whether it awaits or not."""
        self._loop.run_until_complete(self._run(cell))

    async def _run(self, cell: str) -> None:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        result = eval(compile(cell, "<cell>", "exec", flags=flags, dont_inherit=True), self.names)
        if inspect.iscoroutine(result):
            await result


ENTER = "runtime = await rc.Runtime(placement=rc.Packed(), options=options).__aenter__()"
SPAWN = "session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), 'raven')"
ASK = "text = (await session.ask('Caw?').answer()).text"
LEAVE = "await runtime.__aexit__(None, None, None)"


def test_cells_share_a_runtime_that_one_of_them_enters(joining: rc.RuntimeOptions) -> None:
    with asyncio.Runner() as runner:
        notebook = Notebook(runner.get_loop(), options=joining)

        for cell in (ENTER, SPAWN, ASK, "status = await session.status()", "sessions = await runtime.sessions()"):
            notebook.run(cell)

        assert notebook.names["text"] == "Caw?"
        assert "raven" in notebook.names["status"]._repr_html_()
        assert "raven" in notebook.names["sessions"]._repr_html_()
        assert "raven" in notebook.names["session"]._repr_html_()
        notebook.run(LEAVE)


def test_a_task_of_one_cell_goes_on_during_the_next(joining: rc.RuntimeOptions) -> None:
    with asyncio.Runner() as runner:
        notebook = Notebook(runner.get_loop(), options=joining)
        for cell in (ENTER, SPAWN, "import asyncio; task = asyncio.create_task(session.ask('Later').answer())", ASK):
            notebook.run(cell)

        notebook.run("later = (await task).text")

        assert (notebook.names["text"], notebook.names["later"]) == ("Caw?", "Later")
        notebook.run(LEAVE)


def test_each_of_several_loops_has_a_runtime_of_its_own(joining: rc.RuntimeOptions) -> None:
    async def ask(question: str) -> str:
        async with rc.Runtime(placement=rc.Packed(), options=joining) as runtime:
            return (await (await runtime.spawn(ECHO)).ask(question).answer()).text

    assert [asyncio.run(ask(question)) for question in ("one", "two", "three")] == ["one", "two", "three"]


CALLS: list[Callable[[rc.Runtime, rc.SessionHandle], Awaitable[object]]] = [
    lambda runtime, session: runtime.spawn(ECHO),
    lambda runtime, session: runtime.sessions(),
    lambda runtime, session: session.ask("hi").answer(),
    lambda runtime, session: session.status(),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_runtime_of_a_loop_that_has_ended_says_what_to_do(
    joining: rc.RuntimeOptions, call: Callable[[rc.Runtime, rc.SessionHandle], Awaitable[object]]
) -> None:
    async def use(runtime: rc.Runtime, session: rc.SessionHandle) -> None:
        await call(runtime, session)

    with asyncio.Runner() as runner:
        notebook = Notebook(runner.get_loop(), options=joining)
        notebook.run(ENTER)
        notebook.run(SPAWN)

        with rejected(WrongContext, "enter a runtime in this loop", "rayconteur.blocking"):
            asyncio.run(use(notebook.names["runtime"], notebook.names["session"]))

        notebook.run(ASK)  # still works where it was entered
        notebook.run(LEAVE)
