"""aimock, a third-party mock server of the providers' APIs: https://github.com/CopilotKit/aimock.

``make test`` installs it if Node.js, npm and the package are available. It answers according to
``samples/aimock/talk.json``, and with an error to any other request.
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
def aimock_server() -> Generator[str]:
    """A running aimock, as its URL. Skips the test if it is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("aimock needs Node.js, which is not installed")
    if not _PROGRAM.is_file():
        pytest.skip("aimock is not installed: make test installs it if npm and the package are available")
    command = [node, str(_PROGRAM), "--port", "0", "--fixtures", str(_TALK), "--strict", "--validate-on-load"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            yield _wait_for_url(server)
        finally:
            server.kill()  # on SIGTERM it waits for idle connections


def _wait_for_url(server: "subprocess.Popen[str]") -> str:
    """The URL of *server*, once it listens."""
    output = ""
    for line in server.stdout or ():  # ends when the server exits
        output += line
        if match := re.search(r"listening on (http://\S+)", line):
            return match[1]
    raise AssertionError(f"aimock did not start: {output}")
