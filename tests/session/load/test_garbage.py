"""Open sessions are exempt from garbage collection: some at once, a few soon, and never without a collection before."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest
from fixtures.virtual_time import run

from rayconteur.runtime.session.garbage import SessionFreezer


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


def freezes(scene: Callable[[SessionFreezer], Awaitable[None]]) -> list[float]:
    """When *scene* had everything frozen, in seconds: before that, there is a collection of all objects."""
    times: list[float] = []

    def on_collection(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            times.append(asyncio.get_running_loop().time())

    async def main() -> list[float]:
        freezer = SessionFreezer()
        start_s = asyncio.get_running_loop().time()
        gc.callbacks.append(on_collection)
        try:
            await scene(freezer)
        finally:
            gc.callbacks.remove(on_collection)
        return [round(time_s - start_s, 3) for time_s in times]

    return run(main())


def test_a_thousand_sessions_are_exempt_at_once_and_the_count_starts_again() -> None:
    async def scene(freezer: SessionFreezer) -> None:
        for _ in range(2):
            freezer.on_opened(999)
            await asyncio.sleep(0.1)
            freezer.on_opened(1)
        await asyncio.sleep(5)

    assert freezes(scene) == [0.1, 0.2]


def test_fewer_are_exempt_together_half_a_second_after_the_first() -> None:
    async def scene(freezer: SessionFreezer) -> None:
        for _ in range(4):
            freezer.on_opened(200)
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)

    assert freezes(scene) == [0.5]
