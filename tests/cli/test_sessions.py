"""`rayconteur sessions` and `rayconteur shutdown`, on a real Ray."""

import json
from collections.abc import Iterator

import pytest
from fixtures.named_actors import actor_names
from fixtures.terminal import in_pipe

import rayconteur as rc
from rayconteur import blocking
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.errors import RuntimeClosed
from rayconteur.scripted import Script, Wait


@pytest.fixture
def detached(options: rc.RuntimeOptions) -> Iterator[blocking.Runtime]:
    """A runtime with a session that waits in its first turn, and one that is idle."""
    options = rc.RuntimeOptions(namespace=options.namespace, detached=True)
    waits = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        runtime.spawn(waits, "busy").send(rc.UserMessage.of("hi"))
        runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "idle")
        yield runtime


def run(command: str, address: str, namespace: str) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines that it prints."""
    arguments = [*command.split(), "--address", address, "--namespace", namespace]
    done = in_pipe(*arguments)
    return done.returncode, (done.stdout or done.stderr).splitlines()


def test_sessions_of_a_running_program_are_listed_interrupted_closed_and_shut_down(
    detached: blocking.Runtime, ray_address: str, options: rc.RuntimeOptions
) -> None:
    namespace = options.namespace

    code, lines = run("sessions list --json", ray_address, namespace)
    assert code == ExitCode.COMPLETED
    assert [json.loads(line)["id"] for line in lines] == ["busy", "idle"]
    assert run("sessions interrupt busy", ray_address, namespace) == (0, ["busy  interrupted"])
    assert run("sessions close idle", ray_address, namespace) == (0, ["idle  closed"])
    code, [line] = run("sessions show idle", ray_address, namespace)
    assert code == ExitCode.USAGE
    assert "there is no session 'idle'" in line

    code, [line] = run("shutdown", ray_address, namespace)

    assert code == ExitCode.COMPLETED
    assert line == f"3 actors of namespace {namespace!r} ended"
    assert actor_names(namespace) == set()
    with pytest.raises(RuntimeClosed, match="shut down"):
        detached.sessions()
