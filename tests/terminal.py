"""The command line as people and programs start it: at a terminal, or in a pipe."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from typing import Self

import psutil

PROGRAM = "from rayconteur.cli.main import main; main()"
PATIENCE_S = 60.0
"""Longer than Ray ever takes to start."""

# The terminal becomes the one that Ctrl-C is typed at; a child can't be told so from outside.
_AT_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What commands run in: without the keys and addresses of whoever runs the tests."""
    foreign = re.compile(r"ANTHROPIC_|OPENAI_|AZURE_OPENAI_|RAY_ADDRESS|NO_COLOR|COLUMNS|LINES")
    kept = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    return {**kept, "TERM": "xterm", **(extra or {})}


def in_pipe(
    *arguments: str, typed: str = "", extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command, run to its end with *typed* as its standard input."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        env=environment(extra),
        timeout=PATIENCE_S,
        check=False,
    )


def started(*arguments: str) -> subprocess.Popen[str]:
    """The command in a session of its own, its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def left_behind(command: subprocess.Popen[str]) -> list[str]:
    """The processes of *command*'s session that still run: Ray's stay in it, whoever their parent is."""
    return [process.name() for process in psutil.process_iter() if _session(process.pid) == command.pid]


def _session(pid: int) -> int | None:
    try:
        return None if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else os.getsid(pid)
    except (psutil.Error, OSError):
        return None


class Terminal:
    """A terminal of 24 lines and 100 columns in which the command runs."""

    def __init__(self, *arguments: str) -> None:
        self.output = ""
        """All that came, with its control sequences."""
        self._seen = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AT_TERMINAL + PROGRAM, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(),
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)
        os.close(self._master)
        os.close(self._slave)

    def until(self, text: str) -> str:
        """Read on until *text* comes; what came up to it, without control sequences."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in (shown := _CONTROL.sub("", self.output))[self._seen :]:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"no {text!r} in {shown[self._seen :]!r}"
            if select.select([self._master], [], [], left_s)[0]:
                self.output += os.read(self._master, 64 << 10).decode(errors="replace")
        end = shown.index(text, self._seen) + len(text)
        part, self._seen = shown[self._seen : end], end
        return part

    def types(self, keys: str) -> None:
        """Type *keys*: ``\\x03`` is Ctrl-C, ``\\x04`` Ctrl-D."""
        os.write(self._master, keys.encode())

    def code(self) -> int:
        """The command's exit code, once it has ended; the terminal must be as it was before."""
        deadline = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < deadline:
            if select.select([self._master], [], [], 0.1)[0]:
                self.output += os.read(self._master, 64 << 10).decode(errors="replace")
        while select.select([self._master], [], [], 0)[0]:
            self.output += os.read(self._master, 64 << 10).decode(errors="replace")
        assert termios.tcgetattr(self._slave) == self.before
        return self._process.wait(0)
