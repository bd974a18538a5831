"""aimock, a server that others wrote and that speaks like the providers: https://github.com/CopilotKit/aimock.

It needs Node.js, and ``make test`` installs it where that and its package are to be had. It answers as
``samples/aimock/talk.json`` says, and with an error of its own whatever does not fit that.
"""

import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = _ROOT / ".aimock/node_modules/@copilotkit/aimock/dist/cli.js"
_TALK = _ROOT / "tests/samples/aimock/talk.json"


@contextmanager
def serving() -> Generator[str]:
    """The address of one, which is gone in the end. Where it cannot be, the test is skipped."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here, which aimock runs on")
    if not _PROGRAM.is_file():
        pytest.skip("aimock is not installed: make test does that where it finds npm, and npm the package")
    command = [node, str(_PROGRAM), "--port", "0", "--fixtures", str(_TALK), "--strict", "--validate-on-load"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            yield _address(server)
        finally:
            server.kill()  # asked kindly, it waits for connections that nobody needs any more


def _address(server: "subprocess.Popen[str]") -> str:
    """Where *server* listens, as soon as it does."""
    said = ""
    for line in server.stdout or ():  # they end with the server
        said += line
        if found := re.search(r"listening on (http://\S+)", line):
            return found[1]
    raise AssertionError(f"aimock did not start: {said}")
