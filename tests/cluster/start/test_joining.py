"""A cluster that goes away while a program joins it."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest
from servers.clusters.dying_service import DyingService

JOIN = """
import asyncio, sys
import rayconteur as rc
from rayconteur.errors import RayUnreachable

async def join() -> None:
    options = rc.RuntimeOptions(call_timeout_s=1, journal=rc.runtime.NoJournal())
    try:
        async with rc.Runtime(sys.argv[1], options=options):
            print("joined")
    except RayUnreachable as error:
        print(error)


asyncio.run(join())
"""
IN_THE_MIDDLE_BYTES = 1_000
"""The control service answers a program that joins with about 2,500."""

EXITS_IN_TIME_S = 30
"""Ray would end the program after 60 s."""


@pytest.mark.parametrize("falls_silent", [False, True])
def test_a_cluster_that_goes_away_while_a_program_joins_it_is_reported_and_the_program_ends(
    ray_address: str, falls_silent: bool
) -> None:
    async def main() -> tuple[str, str, int | None]:
        async with DyingService(ray_address, IN_THE_MIDDLE_BYTES, falls_silent=falls_silent) as service:
            program = await asyncio.create_subprocess_exec(
                sys.executable, "-c", JOIN, service.address, stdout=PIPE, stderr=PIPE
            )
            try:
                async with asyncio.timeout(EXITS_IN_TIME_S):
                    out, err = await program.communicate()
            except TimeoutError:
                program.kill()
                raise
        assert service.is_away
        return out.decode(), err.decode(), program.returncode

    out, err, code = asyncio.run(main())

    assert "went away while this process was joining" in out
    assert (err, code) == ("", 0)
