"""The names, files and links in README.md, CONTRIBUTING.md and docs/ exist."""

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeGuard

import pytest
from fixtures.markdown import inline_code, linked_files

import rayconteur as rc

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUPS = (
    "rayconteur",
    *(f"rayconteur.{group}" for group in ("errors", "scripted", "compaction", "providers", "runtime", "blocking")),
)
NAME_INTERNAL_CLASSES = {"README.md", "CONTRIBUTING.md", "docs/adding-a-provider.md", "docs/design.md"}
"""Pages that also name classes which no program imports. The others name public ones only."""
_dotted = re.compile(r"(?<![/\w])(?:rc|rayconteur)\.(\w+(?:\.\w+)*)")
_class = re.compile(r"([A-Z][a-z]+(?:[A-Z][A-Za-z]*)*)\b.*")
_defined = re.compile(r"^(?:class (\w+)|([A-Z]\w+) = )", re.MULTILINE)
_stage = re.compile(r"^\| \d+ \| `([\w.]+)` \| `([\w/.]+)` \|", re.MULTILINE)
_path = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:py|md|yaml|yml|toml|txt|html|jsonl)")


def resolves(dotted: str) -> bool:
    """True if the public module ``rayconteur`` has *dotted*, attribute by attribute."""
    found: object = rc
    for part in dotted.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def public_names() -> set[str]:
    return {name for group in GROUPS for name in import_module(group).__all__}


@cache
def internal_names() -> set[str]:
    """The classes and type aliases of all files that ship."""
    files = [file for folder in ("providers", "compaction", "runtime", "cli") for file in (ROOT / folder).rglob("*.py")]
    return {next(filter(None, found)) for file in files for found in _defined.findall(file.read_text())}


def unknown_names(page: Path) -> Iterator[str]:
    known = public_names() | set(dir(builtins))
    if name(page) in NAME_INTERNAL_CLASSES:
        known |= internal_names()
    for code in inline_code(page):
        for dotted in _dotted.findall(code):
            if not resolves(dotted):
                yield dotted
        if (found := _class.fullmatch(code)) and found[1] not in known:
            yield found[1]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_public_name_in_code_type_exists(page: Path) -> None:
    assert sorted(set(unknown_names(page))) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_links_to_or_names_is_there(page: Path) -> None:
    named = [ROOT / code for code in inline_code(page) if _path.fullmatch(code)]

    assert [str(file) for file in [*linked_files(page), *named] if not file.exists()] == []


def functions(file: Path) -> set[str]:
    """The functions of *file*, and the methods of its classes as ``Class.method``."""
    body = ast.parse(file.read_text()).body
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    methods = {f"{node.name}.{each.name}" for node in classes for each in node.body if is_function(each)}
    return {node.name for node in body if is_function(node)} | methods


def is_function(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def test_the_stages_of_a_message_and_a_token_exist_and_none_appears_twice() -> None:
    text = (ROOT / "docs/design.md").read_text()
    tables = [_stage.findall(part) for part in text.split("## The path of ")[1:]]

    assert [len(stages) > 0 for stages in tables] == [True, True]
    assert [stage for stages in tables for stage in stages if stage[0] not in functions(ROOT / stage[1])] == []
    assert [stage for stages in tables for stage in stages if stages.count(stage) > 1] == []
