"""The demo at a terminal and in a pipe, on a real Ray."""

import json
import os
import signal
from collections import defaultdict
from pathlib import Path

import pytest
from fixtures.processes import running_in
from fixtures.terminal import Terminal, in_pipe, started

from rayconteur.cli.exit_codes import ExitCode

pytestmark = pytest.mark.usefixtures("runtime")  # each demo joins its namespace

PROMPTS = ("Why do ravens play?", "Who is Huginn?", "And Muninn?")


def test_the_json_output_has_every_event(ray_address: str, tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("\n".join(PROMPTS))

    done = in_pipe(
        "demo", "--packed", "--sessions", "2", "--prompts", str(file), "--json", "--rate", "500",
        "--address", ray_address,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (ExitCode.COMPLETED, "")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert objects[0] == {"kind": "spawning", "done": 0, "total": 2}
    assert objects[1] == {"kind": "spawning", "done": 2, "total": 2}
    summary = objects[-1]
    assert (summary["kind"], summary["sessions"], summary["turns_completed"]) == ("summary", 2, 3)
    assert (summary["turns_failed"], summary["exact"]) == (0, True)
    texts: defaultdict[tuple[str, int], str] = defaultdict(str)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for event in objects[2:-1]:
        numbers[event["session_id"]].append(event["seq"])
        if event["kind"] == "textchunk":
            texts[event["session_id"][-1], event["turn"]] += event["text"]
    assert all(seqs == [*range(1, len(seqs) + 1)] for seqs in numbers.values())
    assert texts == {("1", 1): PROMPTS[0], ("2", 1): PROMPTS[1], ("1", 2): PROMPTS[2]}


def test_a_terminal_shows_a_live_table_until_all_turns_have_ended(ray_address: str) -> None:
    with Terminal("demo", "--packed", "--sessions", "3", "--rate", "60", "--address", ray_address) as terminal:
        terminal.until("spawned")
        while_streaming = terminal.until("streaming")
        terminal.until("3 sessions: turns 3 completed, 0 failed")

        assert "tokens/s" in while_streaming
        assert terminal.exit_code() == ExitCode.COMPLETED
        assert terminal.output.count("\x1b[?25l") == terminal.output.count("\x1b[?25h") == 1  # shown again


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        pytest.param(signal.SIGTERM, ExitCode.TERMINATED, marks=pytest.mark.chaos),
    ],
)
def test_a_demo_ended_by_a_signal_leaves_no_process_behind(number: signal.Signals, code: ExitCode) -> None:
    with started("demo", "--sessions", "2", "--rate", "1") as command:
        assert command.stdout
        lines = [command.stdout.readline() for _ in range(3)]
        running = running_in(command.pid)

        # Ctrl-C reaches the whole foreground process group, Ray's processes included.
        os.killpg(command.pid, number) if number == signal.SIGINT else command.send_signal(number)
        output = command.stdout.read()

    assert lines == ["starting Ray\n", "spawned 0 of 2 sessions\n", "spawned 1 of 2 sessions\n"]
    assert any("raylet" in line for line in running)
    assert (command.returncode, output.replace("spawned 2 of 2 sessions\n", "")) == (code, "")
    assert running_in(command.pid) == []


def test_the_demo_ends_when_the_reader_of_its_output_is_gone(ray_address: str) -> None:
    with started("demo", "--packed", "--sessions", "2", "--rate", "1", "--address", ray_address) as command:
        assert command.stdout
        assert command.stdout.readline() == "starting Ray\n"
        command.stdout.close()

    assert command.returncode == ExitCode.OUTPUT_GONE
