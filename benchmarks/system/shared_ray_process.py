"""The process that holds the Ray shared by a run: it takes some seconds to start, and most benchmarks need one.

    python -m rayconteur.benchmarks.system.shared_ray_process

starts Ray, prints its address once it is idle, and ends it when standard input ends.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from typing import cast

from .processes import wait_or_kill, wait_until_idle
from .shared_ray import CPUS, SETTINGS, environment

_AUTH = {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token")}
"""Ray asks for its token even if started without this variable, but whoever joins must say that it has one."""

_SHUTDOWN_S = 30.0


class SharedRay:
    """Starts a Ray when it is first needed."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._environment: Mapping[str, str] = {}

    async def environment(self) -> Mapping[str, str]:
        """The variables that tell a program its address; empty if Ray fails to start: the program will say why."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__),
                env={**os.environ, **SETTINGS, **_AUTH},
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,  # Ctrl-C is for the runner, which ends this process after the benchmark's
            )
            assert self._process.stdout
            address = (await self._process.stdout.readline()).decode().strip()
            self._environment = {**environment(address, self._process.pid), **_AUTH} if address else {}
        return self._environment

    async def stop(self) -> None:
        """End it, until it is needed again."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin
        process.stdin.close()
        await wait_or_kill(process, _SHUTDOWN_S)


def main() -> None:
    """Start Ray, and keep it until standard input ends."""
    import ray

    ray.init("local", num_cpus=CPUS, include_dashboard=False, log_to_driver=False)
    asyncio.run(wait_until_idle())
    print(cast(str, ray.get_runtime_context().gcs_address), flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main()
