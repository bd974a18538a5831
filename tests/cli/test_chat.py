"""The chat at a terminal and in a pipe, on a real Ray."""

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fixtures.terminal import Terminal, in_pipe

from rayconteur import Scripted, SessionConfig, blocking
from rayconteur.cli.exit_codes import ExitCode


class RejectsKeys(BaseHTTPRequestHandler):
    """Answers every request with an authentication error."""

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
def rejecting_server() -> Iterator[str]:
    """The base URL of a server that accepts no key."""
    with HTTPServer(("127.0.0.1", 0), RejectsKeys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_ctrl_c_interrupts_the_answer_and_ends_the_chat_only_if_pressed_twice_at_the_prompt(ray_address: str) -> None:
    with Terminal("chat", "--rate", "4", "--address", ray_address) as terminal:
        terminal.until("> ")
        terminal.type_keys("Once upon a midnight dreary, while I pondered\n")
        terminal.until("dreary, while I pondered")  # the echo of what was typed
        terminal.until("Once upon")
        terminal.type_keys("\x03")
        terminal.until("interrupted")
        terminal.until("> ")

        terminal.type_keys("/status\n")
        assert "messages 0" in terminal.until("cost ")  # the interrupted turn has left the history
        terminal.until("> ")
        terminal.type_keys("half a line\x03")
        terminal.until("Ctrl-C again, or Ctrl-D, leaves.")
        terminal.until("> ")
        terminal.type_keys("/nonsense\n")
        terminal.until("there is no command /nonsense")
        terminal.until("> ")
        terminal.type_keys("/clear\n")
        terminal.until("forgotten")
        terminal.type_keys("caw\n")
        terminal.until("caw")
        assert "half" not in terminal.until("caw")
        terminal.until("> ")
        terminal.type_keys("\x03")
        terminal.until("leaves.")
        terminal.until("> ")
        terminal.type_keys("\x03")

        assert terminal.exit_code() == ExitCode.INTERRUPTED


def test_a_pipe_attaches_to_a_session_and_sends_each_line(ray_address: str) -> None:
    name = f"raven-{uuid.uuid4().hex[:6]}"
    with blocking.Runtime() as runtime:
        session = runtime.spawn(SessionConfig(provider=Scripted()), name)

        done = in_pipe(
            "chat", "--session", name, "--address", ray_address,
            typed="Crôa, crôa!\n\n/nonsense\n /clear my doubts", extra={"PYTHONIOENCODING": "ascii"},
        )  # fmt: skip

        assert done.stdout == "Cr?a, cr?a!\n/clear my doubts\n"
        assert [line for line in done.stderr.splitlines() if "/nonsense" not in line] == []
        assert done.returncode == ExitCode.FAILED  # a line was rejected
        assert session.status().turns == 2  # and the session lives on


def test_the_chat_prints_errors_and_goes_on(ray_address: str, rejecting_server: str) -> None:
    keys = {"OPENAI_API_KEY": "sk-quite-secret-key", "OPENAI_BASE_URL": rejecting_server}

    done = in_pipe(
        "chat", "--provider", "openai", "--model", "gpt-4o", "--address", ray_address,
        typed="first\n/retry\n/quit\nnever", extra=keys,
    )  # fmt: skip

    assert done.returncode == ExitCode.FAILED
    assert done.stdout == ""
    assert ["Incorrect API key" in line for line in done.stderr.splitlines()] == [True, True]
    assert keys["OPENAI_API_KEY"] not in done.stderr
