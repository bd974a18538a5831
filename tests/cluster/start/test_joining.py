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
        print(error, flush=True)


asyncio.run(join())
"""
IN_THE_MIDDLE_BYTES = 1_000
"""The control service answers a program that joins with about 2,500."""

AFTERWARDS_BYTES = 3_000
"""When it has joined, it asks for the nodes."""

EXITS_IN_TIME_S = 30
"""Ray would end the program after 60 s."""


@pytest.mark.parametrize("falls_silent", [pytest.param(False, marks=pytest.mark.chaos), True])
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


@pytest.mark.chaos
def test_a_control_service_that_falls_silent_when_a_program_has_joined_is_reported(ray_address: str) -> None:
    async def main() -> bytes:
        async with DyingService(ray_address, AFTERWARDS_BYTES, falls_silent=True) as service:
            program = await asyncio.create_subprocess_exec(sys.executable, "-c", JOIN, service.address, stdout=PIPE)
            assert program.stdout
            try:
                async with asyncio.timeout(EXITS_IN_TIME_S):
                    return await program.stdout.readline()
            finally:
                program.kill()  # Ray's own end of the process waits for the service
                await program.communicate()

    assert b"has not answered within 1 s" in asyncio.run(main())
