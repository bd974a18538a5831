"""What a call has begun is undone behind its back if a process does not answer: nobody waits long for that."""

import asyncio

from fixtures.virtual_time import run

from rayconteur.errors import DirectoryUnreachable, RuntimeClosed
from rayconteur.runtime.cluster.background import Background, tell_directory

TIMEOUT_S = 10.0


class Directory:
    """Is away for so many seconds; then it has ended with its namespace if it *has_ended*."""

    def __init__(self, away_s: float, has_ended: bool = False) -> None:
        self._back_at = asyncio.get_running_loop().time() + away_s
        self._has_ended = has_ended
        self.was_told = asyncio.Event()

    async def tell(self) -> None:
        if asyncio.get_running_loop().time() < self._back_at:
            await asyncio.sleep(TIMEOUT_S)
            raise DirectoryUnreachable("it is away")
        if self._has_ended:
            raise RuntimeClosed("it has ended")
        self.was_told.set()


def test_a_call_waits_a_moment_until_it_is_undone_and_that_goes_on() -> None:
    async def main() -> None:
        background, directory = Background(), Directory(away_s=45)

        async with asyncio.timeout(1.1):
            await background.undo(tell_directory(directory.tell))

        assert not directory.was_told.is_set()
        async with asyncio.timeout(60):
            await directory.was_told.wait()
        await background.stop()

    run(main())


def test_what_can_be_undone_at_once_is_undone_when_the_call_returns() -> None:
    async def main() -> None:
        background, directory = Background(), Directory(away_s=0)

        await background.undo(tell_directory(directory.tell))

        assert directory.was_told.is_set()

    run(main())


def test_a_namespace_that_has_ended_has_nothing_to_undo() -> None:
    async def main() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await tell_directory(Directory(away_s=0, has_ended=True).tell)

    run(main())


def test_nothing_is_begun_after_the_end_and_what_runs_then_ends() -> None:
    async def main() -> None:
        background, directory = Background(), Directory(away_s=1_000)
        running = background.run(tell_directory(directory.tell))
        assert running

        await background.stop()

        assert running.cancelled()
        assert background.run(tell_directory(directory.tell)) is None

    run(main())
