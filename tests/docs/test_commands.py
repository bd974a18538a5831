"""The commands and options that README.md, CONTRIBUTING.md and docs/ name exist."""

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from fixtures.markdown import code_blocks, inline_code
from typer.testing import CliRunner

from rayconteur.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHERS = {"echo", "export", "git", "issues", "mkdir", "ray"}
"""Programs of others, which this test takes as they are."""
_option = re.compile(r"--?[a-z][\w-]*")
_assignment = re.compile(r"\w+=.*")


def commands_of(page: Path) -> Iterator[list[str]]:
    """The commands of *page*'s shell blocks, and those in inline code, split as a shell does."""
    for block in code_blocks(page):
        if block.language == "sh":
            yield from map(split, block.code.replace("\\\n", " ").splitlines())
    for code in inline_code(page):
        if code.startswith(("make ", "rayconteur ", "ray ")):
            yield split(code)


def split(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def steps(command: list[str]) -> Iterator[list[str]]:
    """The programs of a pipe or a list of commands, without the variables set in front of them."""
    step: list[str] = []
    for word in [*command, "|"]:
        if word in ("|", "&&"):
            yield step
            step = []
        elif word in (">", "<") or step or not _assignment.fullmatch(word):
            step.append(word)


def problems(words: list[str]) -> Iterable[str]:
    """What is wrong with a command."""
    program, *arguments = words
    match Path(program).name:
        case "make":
            return [target for target in arguments if "=" not in target and target not in make_targets()]
        case "rayconteur":
            return problems_of_ours(arguments)
        case "python":
            return problems_of_python(arguments)
        case "pytest" | "ruff" | "mypy" | "pyright" | "mkdocs":
            return [path for path in arguments if "/" in path and not (ROOT / path.partition("::")[0]).exists()]
        case "pip":
            return problems_of_pip(arguments)
        case other:
            return [] if other in OTHERS else [f"unknown program {other}"]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def help_of(*command: str) -> str:
    """What ``rayconteur`` prints of *command* and its options; nothing if there is no such command."""
    result = CliRunner().invoke(app, [*command, "--help"])
    return result.output if result.exit_code == 0 else ""


def problems_of_ours(arguments: list[str]) -> list[str]:
    """The commands and options that ``rayconteur`` does not have."""
    if arguments[0] == "--config":  # with its file
        arguments = arguments[2:]
    command = [word for word in arguments[:1] if not word.startswith("-")]
    if command in (["sessions"], ["templates"]):
        command = arguments[:2]
    if command == ["COMMAND"]:  # any
        return []
    if not help_of(*command):
        return [f"no command {arguments[0]}"]
    known = set(_option.findall(help_of(*command)))
    return [word for word in arguments if word.startswith("-") and word.partition("=")[0] not in known]


def problems_of_python(arguments: list[str]) -> list[str]:
    if arguments[0] != "-m":
        return [] if (ROOT / arguments[0]).exists() else [f"no file {arguments[0]}"]
    module, *rest = arguments[1:]
    if module in ("pytest", "pip"):
        return list(problems([module, *rest]))
    return [] if find_spec(module) else [f"no module {module}"]


def problems_of_pip(arguments: list[str]) -> list[str]:
    """The extras of ours that do not exist, and a wheel of another version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [re.fullmatch(r"(?:dist/)?rayconteur(-[\d.]+-py3-none-any\.whl)?\[([\w,]+)\]", word) for word in arguments]
    extras = {extra for match in found if match for extra in match[2].split(",")}
    wheels = {match[1] for match in found if match and match[1]}
    unknown = extras - set(project["optional-dependencies"])
    return [*unknown, *(wheels - {f"-{project['version']}-py3-none-any.whl"})]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_that_a_page_names_exist(page: Path) -> None:
    found = [
        (" ".join(step), problem)
        for command in commands_of(page)
        for step in steps(command)
        if step
        for problem in problems(step)
    ]

    assert found == []


def test_a_command_an_option_and_a_target_that_do_not_exist_are_found() -> None:
    assert problems(["rayconteur", "fly"]) == ["no command fly"]
    assert problems(["rayconteur", "demo", "--fast"]) == ["--fast"]
    assert problems(["make", "tea"]) == ["tea"]
    assert problems(["pip", "install", "rayconteur[tea]"]) == ["tea"]
