"""What README.md prints holds."""

import re
import subprocess
import sys
from pathlib import Path

import rayconteur as rc

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def test_the_program_runs_as_printed(tmp_path: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    (tmp_path / "program.py").write_text(programs[0])
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout.startswith("Name three uses of a raven.Count(tokens=7, ")


def test_every_name_in_code_type_exists() -> None:
    names = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][A-Za-z]+)*)\b[^`]*`", README))
    words = {"Conversation", "Failed"}

    assert {name for name in names - words if not hasattr(rc, name)} == set()


def test_every_file_that_is_linked_is_there() -> None:
    root = Path(__file__).resolve().parent.parent
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert [link for link in links if not (root / link).exists()] == []
