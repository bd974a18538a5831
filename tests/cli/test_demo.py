"""The demo, run as people and programs run it, over real Ray."""

import json
import os
import signal
from collections import defaultdict
from pathlib import Path

import pytest
from fixtures.terminal import Terminal, in_pipe, left_behind, started

from rayconteur.cli.exits import ExitCode

PROMPTS = ("Why do ravens play?", "Who is Huginn?", "And Muninn?")


def test_in_a_pipe_json_tells_everything_that_happened(ray_address: str, tmp_path: Path) -> None:
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


def test_at_a_terminal_a_table_lives_until_all_is_said(ray_address: str) -> None:
    with Terminal("demo", "--packed", "--sessions", "3", "--rate", "60", "--address", ray_address) as terminal:
        terminal.until("spawned")
        while_speaking = terminal.until("streaming")
        terminal.until("3 sessions: turns 3 completed, 0 failed")

        assert "tokens/s" in while_speaking
        assert terminal.code() == ExitCode.COMPLETED
        assert terminal.output.count("\x1b[?25l") == terminal.output.count("\x1b[?25h") == 1  # the cursor is back


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_ended_before_its_time_it_leaves_no_process_behind(number: signal.Signals, code: ExitCode) -> None:
    with started("demo", "--sessions", "2", "--rate", "1") as command:
        assert command.stdout
        lines = [command.stdout.readline() for _ in range(3)]
        at_work = left_behind(command)

        # Ctrl-C reaches the whole foreground, Ray's processes too.
        os.killpg(command.pid, number) if number == signal.SIGINT else command.send_signal(number)
        told = command.stdout.read()

    assert lines == ["starting Ray\n", "spawned 0 of 2 sessions\n", "spawned 1 of 2 sessions\n"]
    assert "raylet" in at_work
    assert (command.returncode, told.replace("spawned 2 of 2 sessions\n", "")) == (code, "")
    assert left_behind(command) == []


def test_when_nobody_reads_on_the_demo_ends(ray_address: str) -> None:
    with started("demo", "--packed", "--sessions", "2", "--rate", "1", "--address", ray_address) as command:
        assert command.stdout
        assert command.stdout.readline() == "starting Ray\n"
        command.stdout.close()

    assert command.returncode == ExitCode.OUTPUT_GONE
