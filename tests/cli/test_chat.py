"""The chat, at a terminal and in a pipe, over real Ray."""

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fixtures.terminal import Terminal, in_pipe

from rayconteur import Scripted, SessionConfig, blocking
from rayconteur.cli.exits import ExitCode


class Doorkeeper(BaseHTTPRequestHandler):
    """Lets nobody in."""

    def do_POST(self) -> None:
        body = b'{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}}'
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = None, size: object = None) -> None:
        pass


@pytest.fixture
def locked_door() -> Iterator[str]:
    """The address of a server that knows no key."""
    with HTTPServer(("127.0.0.1", 0), Doorkeeper) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_at_a_terminal_ctrl_c_ends_the_answer_and_only_twice_at_the_prompt_the_chat(ray_address: str) -> None:
    with Terminal("chat", "--rate", "4", "--address", ray_address) as terminal:
        terminal.until("> ")
        terminal.types("Once upon a midnight dreary, while I pondered\n")
        terminal.until("dreary, while I pondered")  # the echo of what was typed
        terminal.until("Once upon")
        terminal.types("\x03")
        terminal.until("interrupted")
        terminal.until("> ")

        terminal.types("/status\n")
        assert "messages 0" in terminal.until("cost ")  # what was interrupted has left the history
        terminal.until("> ")
        terminal.types("half a line\x03")
        terminal.until("Ctrl-C again, or Ctrl-D, leaves.")
        terminal.until("> ")
        terminal.types("/nonsense\n")
        terminal.until("there is no command /nonsense")
        terminal.until("> ")
        terminal.types("/clear\n")
        terminal.until("forgotten")
        terminal.types("caw\n")
        terminal.until("caw")
        assert "half" not in terminal.until("caw")
        terminal.until("> ")
        terminal.types("\x03")
        terminal.until("leaves.")
        terminal.until("> ")
        terminal.types("\x03")

        assert terminal.code() == ExitCode.INTERRUPTED


def test_in_a_pipe_it_attaches_and_says_line_by_line(ray_address: str) -> None:
    name = f"raven-{uuid.uuid4().hex[:6]}"
    with blocking.Runtime() as runtime:
        session = runtime.spawn(SessionConfig(provider=Scripted()), name)

        done = in_pipe(
            "chat", "--session", name, "--address", ray_address,
            typed="Crôa, crôa!\n\n/nonsense\n /clear my doubts", extra={"PYTHONIOENCODING": "ascii"},
        )  # fmt: skip

        assert done.stdout == "Cr?a, cr?a!\n/clear my doubts\n"
        assert [line for line in done.stderr.splitlines() if "/nonsense" not in line] == []
        assert done.returncode == ExitCode.FAILED  # a line was not taken
        assert session.status().turns == 2  # and the session lives on


def test_what_goes_wrong_is_told_and_the_chat_goes_on(ray_address: str, locked_door: str) -> None:
    keys = {"OPENAI_API_KEY": "sk-quite-secret-key", "OPENAI_BASE_URL": locked_door}

    done = in_pipe(
        "chat", "--provider", "openai", "--model", "gpt-4o", "--address", ray_address,
        typed="first\n/retry\n/quit\nnever", extra=keys,
    )  # fmt: skip

    assert done.returncode == ExitCode.FAILED
    assert done.stdout == ""
    assert ["Incorrect API key" in line for line in done.stderr.splitlines()] == [True, True]
    assert keys["OPENAI_API_KEY"] not in done.stderr
