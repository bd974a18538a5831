"""A listener in a process of its own, so that its memory is only its own.

``listener_program.py HANDSHAKE_S`` prints its endpoint, repeats what it is called with, and ends with its input. With
Ray's variables it uses TLS. Its log is its standard error.
"""

import asyncio
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

import msgspec
import psutil

from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.runtime.streams.listener import Listener
from rayconteur.runtime.streams.tls import ray_tls

LOOPBACK = "127.0.0.1"
NODE = "this node"


@dataclass(frozen=True, slots=True)
class ListenerProcess:
    """A running program: where it listens, and what it takes."""

    endpoint: Endpoint
    process: psutil.Process
    log: Path

    def unique_bytes(self) -> int:
        """Its unique memory (USS)."""
        return int(self.process.memory_full_info().uss)

    def log_lines(self, phrase: str) -> int:
        """The number of lines in its log that contain *phrase*."""
        return sum(phrase in line for line in self.log.read_text().splitlines())


@contextmanager
def listener_process(folder: Path, handshake_s: float, **environ: str) -> Generator[ListenerProcess]:
    """Runs the program, with its log in *folder*."""
    log = folder / "listener.log"
    command = [sys.executable, __file__, str(handshake_s)]
    with (
        log.open("w") as errors,
        Popen(command, stdin=PIPE, stdout=PIPE, stderr=errors, env={**os.environ, **environ}) as program,
    ):
        assert program.stdin
        assert program.stdout
        try:
            endpoint = msgspec.json.decode(program.stdout.readline(), type=Endpoint)
            yield ListenerProcess(endpoint, psutil.Process(program.pid), log)
        finally:
            program.stdin.close()


async def _listen(handshake_s: float) -> None:
    listener = Listener(lambda peer, method, data: data, handshake_s)
    endpoint = await listener.listen(NODE, LOOPBACK, tls=ray_tls(os.environ))
    print(msgspec.json.encode(endpoint).decode(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    listener.close()


if __name__ == "__main__":
    if sys.platform == "linux":
        import uvloop  # Ray's actors use it

        uvloop.run(_listen(float(sys.argv[1])))
    else:
        asyncio.run(_listen(float(sys.argv[1])))
