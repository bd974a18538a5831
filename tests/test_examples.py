"""The examples run unchanged and print what they should: without keys, on the Ray of this run."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("runtime")  # each example joins its namespace

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
EXPECTED_OUTPUT = {
    "many_questions": [
        "What are 2 ravens called?\n    What are 2 ravens called? (",
        "What are 41 ravens called?\n    ",
    ],
    "tools": [
        "Let me look. [weather] [weather] [trains] [book] It rains in Oslo: two seats to Rome are booked.\n",
        "It rains in Oslo: two seats to Rome are booked. (3 requests)\n",
    ],
    "tools_on_ray": [
        "counted 78,498 in another process: True\nThere are 78,498 primes below a million.\n",
    ],
    "approval": [
        "second program: may it send {'to': 'Ada', 'text': 'Rain!'}?\n",
        "first program: a mail to ada@example.com: Rain.\nfirst program: Ada knows. I did not write to the others.\n",
        "first program: [False, True]\n",
    ],
    "csv_prompts": ["100 of 500", "500 of 500"],
    "server_sent_events": [
        "before the connection broke, up to event 5: 'Ravens",
        "nothing is missing: Ravens play, hide food and talk.\n",
    ],
    "notebook": [
        "cell 1: What do ravens hide?\nAnd where?\na loop: Do they find it again?\na loop: Do they find it again?\n",
        "threads: ['question 0', 'question 1', 'question 2', 'question 3', 'question 4', 'question 5', ",
        "async: Still there? 10 messages\nclosed\n",
    ],
    "attach": [
        "the second one read on, and was killed after 'asked again'",
        "both have read: Once upon a midnight dreary, while I pondered, weak and weary, over many a quaint volume\n",
        "third program: 2 turns, 4 messages",
    ],
}


def run_example(name: str, folder: Path, ray_address: str) -> None:
    """Run an example in *folder*, and check what it prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=folder,
        env=os.environ | {"RAY_ADDRESS": ray_address},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [text for text in EXPECTED_OUTPUT[name] if text not in done.stdout] == []


@pytest.mark.parametrize("name", sorted(EXPECTED_OUTPUT.keys() - {"csv_prompts"}))
def test_an_example_runs_unchanged(name: str, tmp_path: Path, ray_address: str) -> None:
    run_example(name, tmp_path, ray_address)


def test_the_answers_to_a_csv_file_are_in_its_order_with_the_problem_of_the_one_that_failed(
    tmp_path: Path, ray_address: str
) -> None:
    run_example("csv_prompts", tmp_path, ray_address)

    with (tmp_path / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 500
    assert [row["answer"] for row in rows] == [row["question"] for row in rows]  # the scripted model echoes
    assert [number for number, row in enumerate(rows) if row["problem"]] == [7]


def test_every_example_is_tested() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(EXPECTED_OUTPUT)
