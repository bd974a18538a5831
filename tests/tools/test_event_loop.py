"""The event loop that async tools of one process share."""

import asyncio
from contextvars import ContextVar

import pytest

from rayconteur.runtime.tools.event_loop import run_in_kept_loop

said: ContextVar[str] = ContextVar("said", default="nothing")


async def look() -> tuple[asyncio.AbstractEventLoop, str]:
    found = said.get()
    said.set("of another run")
    return asyncio.get_running_loop(), found


async def leave(left: list[asyncio.Task[bool]]) -> None:
    left.append(asyncio.create_task(asyncio.Event().wait()))
    await asyncio.sleep(0)


async def fail() -> None:
    raise ValueError("no raven")


async def interrupt() -> None:
    raise KeyboardInterrupt


def test_runs_share_a_loop_but_not_their_context() -> None:
    runs = [run_in_kept_loop(look()) for _ in range(2)]

    assert runs[0] == runs[1]
    assert runs[0][1] == "nothing"


def test_a_run_that_fails_leaves_the_loop_to_the_next() -> None:
    before = run_in_kept_loop(look())

    with pytest.raises(ValueError, match="no raven"):
        run_in_kept_loop(fail())

    assert run_in_kept_loop(look()) == before


def test_what_a_run_leaves_behind_is_cancelled() -> None:
    left: list[asyncio.Task[bool]] = []

    run_in_kept_loop(leave(left))

    assert left[0].cancelled()
    assert not run_in_kept_loop(look())[0].is_closed()


def test_after_an_interrupt_the_next_run_has_another_loop() -> None:
    before, _ = run_in_kept_loop(look())

    with pytest.raises(KeyboardInterrupt):
        run_in_kept_loop(interrupt())

    assert run_in_kept_loop(look())[0] is not before
    assert before.is_closed()
