"""`rayconteur sessions` and `rayconteur shutdown`, on a real Ray."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.named_actors import actor_names, host_name
from fixtures.terminal import in_pipe

import rayconteur as rc
from rayconteur import blocking
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.errors import RuntimeClosed
from rayconteur.scripted import Script, Wait


@pytest.fixture
def detached(options: rc.RuntimeOptions) -> Iterator[blocking.Runtime]:
    """A runtime with a session that waits in its first turn, and one that is idle."""
    options = rc.RuntimeOptions(namespace=options.namespace, journal=options.journal, detached=True)
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
    assert run("sessions close --where ids=id*", ray_address, namespace) == (0, ["idle  closed"])
    assert run("sessions close --where owner=poe", ray_address, namespace) == (2, ["rayconteur: no session fits"])
    code, [line] = run("sessions show idle", ray_address, namespace)
    assert code == ExitCode.USAGE
    assert "there is no session 'idle'" in line

    code, [line] = run("shutdown", ray_address, namespace)

    assert code == ExitCode.COMPLETED
    assert line == f"3 actors of namespace {namespace!r} ended"
    assert actor_names(namespace) == set()
    with pytest.raises(RuntimeClosed, match="shut down"):
        detached.sessions()


def test_a_template_is_stored_from_the_config_file_and_listed(
    detached: blocking.Runtime, ray_address: str, options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    file = tmp_path / "ravens.toml"
    file.write_text("[templates.support]\nprovider = 'scripted'\nsystem = 'Answer in verse.'\n")
    detached.templates.put("support", rc.SessionConfig(provider=rc.Scripted()))
    detached.spawn(rc.Template("support"), "raven")

    put = run(f"--config {file} templates put support", ray_address, options.namespace)
    listed = run("templates list", ray_address, options.namespace)

    assert put == (0, ["raven  changed"])
    assert listed == (0, [f"{'support':<24}version 2, of 1, 2  scripted:scripted"])
    assert detached.session("raven").settings().system == "Answer in verse."


def test_the_sessions_of_the_journal_are_listed_by_their_labels_and_words(
    ray_address: str, options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    journal = rc.runtime.SQLiteJournalConfig(str(tmp_path / "journal.db"))
    options = rc.RuntimeOptions(namespace=options.namespace, journal=journal)
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        for owner, title in (("poe", "The Raven"), ("verne", "Nautilus")):
            labels = rc.runtime.Labels(owner=owner, title=title)
            with runtime.spawn(rc.SessionConfig(provider=rc.Scripted(), labels=labels), owner) as session:
                session.ask("once upon a midnight").answer()  # when it is closed, its row is written

        code, lines = run("sessions list --stored --json", ray_address, options.namespace)
        assert code == ExitCode.COMPLETED
        assert [json.loads(line)["id"] for line in lines] == ["verne", "poe"]
        code, [line] = run("sessions list --owner poe --search midnight", ray_address, options.namespace)
        assert line.split()[:4] == ["poe", "closed", "1", "turns"]
        assert line.endswith("  poe  The Raven")
        assert run("sessions list --tag none", ray_address, options.namespace) == (0, [])


@pytest.mark.chaos
def test_sessions_move_to_other_actors_and_the_last_node_is_not_drained(
    ray_address: str, options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    namespace = options.namespace
    journal = rc.runtime.SQLiteJournalConfig(str(tmp_path / "journal.db"))
    options = rc.RuntimeOptions(namespace=namespace, journal=journal)
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "raven")
        session.ask("before").answer()
        before = host_name("raven", namespace)
        [node] = runtime.nodes.statuses()
        assert (node.sessions, node.actors, node.is_head, node.is_drained) == (1, 1, True, False)

        assert run("sessions move raven", ray_address, namespace) == (0, ["raven  moved"])

        assert host_name("raven", namespace) not in (before, "")
        assert session.ask("after").answer().turn == 2
        code, [line] = run("sessions move nobody", ray_address, namespace)
        assert (code, "'nobody'" in line) == (ExitCode.USAGE, True)
        code, [line] = run(f"sessions drain {node.address}", ray_address, namespace)
        assert (code, "is the last node" in line) == (ExitCode.USAGE, True)
        code, [line] = run("sessions drain 10.9.8.7", ray_address, namespace)
        assert (code, "no node is '10.9.8.7'" in line) == (ExitCode.USAGE, True)
        assert runtime.nodes.drains() == []
