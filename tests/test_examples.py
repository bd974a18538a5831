"""The examples run as they stand, and say what they are for."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SAYS = {
    "many_questions": [
        "What are 2 ravens called?\n    What are 2 ravens called? (",
        "What are 41 ravens called?\n    ",
    ],
    "tools": ["[weather Oslo] [weather Rome] Rain in Oslo, sun in Rome.", "Rain in Oslo, sun in Rome. (2 requests)"],
    "attach": [
        "first program: 'I fly out at dawn.', and leaves",
        "second program reads event 3: 'I fly out at dawn.'",
        "second program: 'I come back at noon.', turn 2, 4 messages",
    ],
}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_as_it_stands(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [said for said in SAYS[name] if said not in done.stdout] == []


def test_every_example_is_run() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(SAYS)
