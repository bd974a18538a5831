"""The examples run unchanged and print what they should."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
EXPECTED_OUTPUT = {
    "many_questions": [
        "What are 2 ravens called?\n    What are 2 ravens called? (",
        "What are 41 ravens called?\n    ",
    ],
    "tools": ["[weather Oslo] [weather Rome] Rain in Oslo, sun in Rome.", "Rain in Oslo, sun in Rome. (2 requests)"],
    "attach": [
        "first program: 'I fly out at dawn.'; exits",
        "second program replays event 3: 'I fly out at dawn.'",
        "second program: 'I come back at noon.', turn 2, 4 messages",
    ],
}


@pytest.mark.parametrize("name", EXPECTED_OUTPUT)
def test_an_example_runs_unchanged(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [text for text in EXPECTED_OUTPUT[name] if text not in done.stdout] == []


def test_every_example_is_tested() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(EXPECTED_OUTPUT)
