"""README.md is short, and its first program runs where no Ray is running. tests/docs tests the rest of it."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def test_the_program_runs_as_printed(tmp_path: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    (tmp_path / "program.py").write_text(programs[0])
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout.startswith("Name three uses of a raven.Count(tokens=7, ")


def test_it_has_at_most_150_lines() -> None:
    assert len(README.splitlines()) <= 150
