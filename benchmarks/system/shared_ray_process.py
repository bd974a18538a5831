"""What holds the run's own Ray: it takes some seconds to start, and most programs need one.

    python -m rayconteur.benchmarks.system.shared_ray_process

starts it, says its address when it has come to rest, and ends it when standard input ends.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from typing import cast

from .processes import idle, wait_or_kill
from .shared_ray import CPUS, environ

_AUTH = {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token")}
"""Ray asks for its token where it was started without this, too; but those who join must say that they have one."""

_PATIENCE_S = 30.0


class Holder:
    """Has a Ray from when one is first needed."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._environ: Mapping[str, str] = {}

    async def environ(self) -> Mapping[str, str]:
        """What tells a program where it is; nothing, where none starts. A program that then tries says why."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__),
                env={**os.environ, **_AUTH},
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,  # Ctrl-C is for the runner, which ends it after the program
            )
            assert self._process.stdout
            address = (await self._process.stdout.readline()).decode().strip()
            self._environ = {**environ(address, self._process.pid), **_AUTH} if address else {}
        return self._environ

    async def end(self) -> None:
        """End it, until one is needed again."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin
        process.stdin.close()
        await wait_or_kill(process, _PATIENCE_S)


def main() -> None:
    """Hold one."""
    import ray

    ray.init(num_cpus=CPUS, include_dashboard=False, log_to_driver=False)
    asyncio.run(idle())
    print(cast(str, ray.get_runtime_context().gcs_address), flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main()
