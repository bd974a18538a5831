"""The chat at a terminal and in a pipe, on a real Ray."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fixtures.terminal import Terminal, in_pipe

import rayconteur as rc
from rayconteur import Scripted, SessionConfig, Text, ToolResult, blocking
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.runtime import ASK_USER, RayTask
from rayconteur.scripted import Call, Say, Script

pytestmark = pytest.mark.usefixtures("runtime")  # each chat joins its namespace


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
        terminal.until(">")
        terminal.type_keys("Once upon a midnight dreary, while I pondered\r")
        terminal.until("\n")  # the end of the line that was typed
        terminal.until("Once upon")
        terminal.type_keys("\x03")
        terminal.until("interrupted")
        terminal.until(">")

        terminal.type_keys("Never to be answered at this length, whatever else the raven may say\r\x03")  # at once
        terminal.until("\n")
        assert "whatever" not in terminal.until("interrupted")
        terminal.until(">")
        terminal.type_keys("/status\r")
        assert "turns 2" in terminal.until("cost ")  # the question and the partial answer are kept
        terminal.until(">")
        terminal.type_keys("half a line\x03")
        terminal.until("Ctrl-C again, or Ctrl-D, leaves.")
        terminal.until(">")
        terminal.type_keys("/nonsense\r")
        terminal.until("there is no command /nonsense")
        terminal.until(">")
        terminal.type_keys("/clear\r")
        terminal.until("forgotten")
        terminal.type_keys("caw\r")
        terminal.until("caw")
        assert "half" not in terminal.until("caw")
        terminal.until(">")
        terminal.type_keys("\x03")
        terminal.until("leaves.")
        terminal.until(">")
        terminal.type_keys("half a line\x03")  # which is cleared, and does not end the chat
        terminal.until("leaves.")
        terminal.until(">")
        terminal.type_keys("\x03")

        assert terminal.exit_code() == ExitCode.INTERRUPTED


def test_a_pipe_attaches_to_a_session_and_sends_each_line(runtime: blocking.Runtime, ray_address: str) -> None:
    session = runtime.spawn(SessionConfig(provider=Scripted()), "piped")

    done = in_pipe(
        "chat", "--session", "piped", "--address", ray_address,
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


@rc.tool(runs=RayTask(num_cpus=0), approve="always")
def send_mail(to: str) -> str:
    """Send a mail."""
    return f"sent to {to}"


def asks_and_sends(*ends: Say) -> SessionConfig:
    """A session that asks for a town, then wants to send a mail, and says *ends*."""
    asks = Call("ask_user", {"question": "Which town?", "choices": ["Oslo", "Rome"]})
    script = Script(answers=((asks,), (Call("send_mail", {"to": "Ada"}),), ends))
    return SessionConfig(provider=Scripted(script=script), tools=(ASK_USER, send_mail))


def results_in(session: blocking.SessionHandle) -> list[str]:
    """The texts of the results of tools."""
    blocks = (block for message in session.history() for block in message.content)
    return [
        "".join(str(getattr(part, "text", "")) for part in each.content)
        for each in blocks
        if isinstance(each, ToolResult)
    ]


def test_questions_are_answered_and_tools_denied_at_the_prompt(runtime: blocking.Runtime, ray_address: str) -> None:
    session = runtime.spawn(asks_and_sends(Say("I do not.")), "asks")

    with Terminal("chat", "--session", "asks", "--address", ray_address) as terminal:
        terminal.until(">")
        terminal.type_keys("mail the weather\r")
        terminal.until("Which town?")
        terminal.until("2  Rome")
        terminal.type_keys("2\r")
        terminal.until('send_mail: {"to":"Ada"}')
        terminal.type_keys("not on a Sunday\r")
        terminal.until("I do not.")
        terminal.until(">")
        terminal.type_keys("/quit\r")
        assert terminal.exit_code() == ExitCode.COMPLETED

    assert results_in(session) == ["Rome", "The user denied this tool use, and nothing was run: not on a Sunday"]


def test_ctrl_c_at_a_question_ends_the_turn(runtime: blocking.Runtime, ray_address: str) -> None:
    session = runtime.spawn(asks_and_sends(), "asks-in-vain")

    with Terminal("chat", "--session", "asks-in-vain", "--address", ray_address) as terminal:
        terminal.until(">")
        terminal.type_keys("mail the weather\r")
        terminal.until("2  Rome")
        terminal.type_keys("\x03")
        terminal.until("interrupted")
        terminal.until(">")
        assert session.status().turn is None


def test_a_pipe_answers_with_its_next_lines(runtime: blocking.Runtime, ray_address: str) -> None:
    session = runtime.spawn(asks_and_sends(Say("It is on its way.")), "asks-a-pipe")
    command = ("chat", "--session", "asks-a-pipe", "--address", ray_address)

    done = in_pipe(*command, typed="mail the weather\nBergen\ny\n")

    assert done.stdout == "It is on its way.\n"
    assert done.returncode == ExitCode.COMPLETED
    assert results_in(session) == ["Bergen", "sent to Ada"]


def asked_in(session: blocking.SessionHandle) -> list[str]:
    """What the user has asked."""
    return [
        block.text
        for message in session.history()
        if message.starts_turn
        for block in message.content
        if isinstance(block, Text)
    ]


@pytest.fixture
def session(runtime: blocking.Runtime) -> blocking.SessionHandle:
    """A session that answers at once, and briefly. Its namespace is that of the chat."""
    return runtime.spawn(SessionConfig(provider=Scripted(script=Script(answers=((Say("Caw."),),)))))


def test_pasted_lines_are_one_question_and_a_long_line_is_whole(
    session: blocking.SessionHandle, ray_address: str
) -> None:
    lines = "def fly():\n    return 'away'\n\nWhat does it do?"
    long_line = "What does this mean? " + "caw " * 3_000

    with Terminal("chat", "--session", session.id, "--address", ray_address) as terminal:
        terminal.until(">")
        terminal.paste(lines)
        terminal.type_keys("\r")
        terminal.until("Caw.")
        terminal.until(">")
        terminal.paste(long_line)
        terminal.type_keys("\r")
        terminal.until("Caw.")
        terminal.until(">")
        terminal.type_keys("one\x1b\rtwo\r")  # Alt-Enter
        terminal.until("Caw.")
        terminal.until(">")
        terminal.type_keys("\x04")

        assert terminal.exit_code() == ExitCode.COMPLETED
    assert asked_in(session) == [lines, long_line.strip(), "one\ntwo"]


@pytest.mark.parametrize("typed", ["", pytest.param("half a line", marks=pytest.mark.chaos)])
def test_a_terminal_that_is_closed_ends_the_chat_and_not_its_session(
    session: blocking.SessionHandle, ray_address: str, typed: str
) -> None:
    with Terminal("chat", "--session", session.id, "--address", ray_address) as terminal:
        terminal.until(">")
        terminal.type_keys(typed)
        terminal.until(typed)

        assert terminal.close() == ExitCode.HUNG_UP
    assert session.status().turns == 0


@pytest.mark.chaos
def test_a_spinner_says_that_ray_is_starting() -> None:
    with Terminal("chat", "--rate", "50") as terminal:
        terminal.until("starting Ray")
        terminal.until(">")
        terminal.type_keys("\x04")

        assert terminal.exit_code() == ExitCode.COMPLETED


def test_a_line_that_a_dumb_terminal_has_cut_is_refused(session: blocking.SessionHandle, ray_address: str) -> None:
    with Terminal("chat", "--session", session.id, "--address", ray_address, extra={"TERM": "dumb"}) as terminal:
        terminal.type_keys("caw " * 2_000 + "\n")
        terminal.until("this terminal cuts lines at 4,095 bytes")
        terminal.type_keys("short\n")
        terminal.until("Caw.")
        terminal.type_keys("\x04")
        terminal.exit_code()

    assert asked_in(session) == ["short"]
