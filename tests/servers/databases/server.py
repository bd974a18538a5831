"""A database server of its own, which can be killed, stopped and started again.

Its program is that of the machine, or else the one that ``make test`` has unpacked from Debian's packages.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

_ROOT = Path(__file__).resolve().parents[3]
_USER, _GROUP = "nobody", "nogroup"


def program(name: str, folder: str, places: str = "usr/bin") -> Path:
    """The program *name*, on the machine or unpacked into *folder*. Skips the test if there is none.

    *places* is a pattern for where Debian's package has it.
    """
    if on_path := shutil.which(name):
        return Path(on_path)
    roots = (Path("/"), _ROOT / folder / "unpacked")
    found = [path for root in roots for path in sorted(root.glob(f"{places}/{name}"), reverse=True)]
    if not found:
        pytest.skip(f"{name} is not installed: make test unpacks it if Debian's packages are available")
    return found[0]


def own(folder: Path) -> None:
    """Give *folder* to the user of servers: PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        shutil.chown(folder, _USER, _GROUP)


def as_user() -> dict[str, Any]:
    """Arguments for ``subprocess``: run as the user of servers."""
    return {"user": _USER, "group": _GROUP, "extra_groups": []} if os.geteuid() == 0 else {}


def environ_of(path: Path) -> dict[str, str]:
    """The variables for the program at *path*: it finds the libraries that were unpacked with it."""
    libraries = ":".join(str(folder) for folder in _ROOT.glob(".*/unpacked/usr/lib/*-linux-*"))
    return {**os.environ, "LD_LIBRARY_PATH": libraries} if path.is_relative_to(_ROOT) else dict(os.environ)


def free_port() -> int:
    """A port of loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@dataclass(slots=True)
class Server:
    """The server that *command* starts. It says *ready* when it is."""

    command: list[str]
    ready: str
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        process = subprocess.Popen(
            self.command,
            env=environ_of(Path(self.command[0])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **as_user(),
        )
        assert process.stdout
        self._process = process
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if self.ready in line:
                threading.Thread(target=process.stdout.read, daemon=True).start()  # else its pipe would be full
                return
        raise AssertionError(f"the server did not start: {''.join(lines)}")

    def kill(self) -> None:
        """Kill all of its processes."""
        process, self._process = self._process, None
        if process:
            self._signal(process, signal.SIGKILL)
            process.wait()
            assert process.stdout
            process.stdout.close()

    def freeze(self) -> None:
        """Stop all of its processes where they are."""
        assert self._process
        self._signal(self._process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        assert self._process
        self._signal(self._process, signal.SIGCONT)

    def _signal(self, process: subprocess.Popen[str], number: signal.Signals) -> None:
        main = psutil.Process(process.pid)
        for each in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # it has ended since
                each.send_signal(number)
        if number == signal.SIGKILL:
            psutil.wait_procs(main.children(recursive=True))
