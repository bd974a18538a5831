"""Every code block of README.md, CONTRIBUTING.md and docs/ works as printed.

Python blocks run in order, in one namespace per page. Blocks with a top-level ``await`` find ``rc`` and an open
``runtime``, as docs/index.md says. Of shell blocks, the commands and options that they name are looked up.
"""

import ast
import asyncio
import inspect
import io
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from fixtures.markdown import CodeBlock, code_blocks

import rayconteur as rc

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES_WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in code_blocks(page))]
LANGUAGES = {"python", "sh", "text", "yaml", "toml"}
"""Python blocks are run, and commands in shell blocks are looked up. The others hold output, diagrams and files."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def compiled(block: CodeBlock, page: Path) -> CodeType:
    """The code of *block*; a traceback names the page and the line in it."""
    source = "\n" * (block.line - 1) + block.code
    code: CodeType = compile(source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def run_blocks(blocks: list[CodeBlock], page: Path, runner: asyncio.Runner, runtime: rc.Runtime) -> list[str]:
    """Run *blocks* one after the other. Returns what each prints. Those with a top-level ``await`` find *runtime*."""
    names: dict[str, Any] = {"__name__": "__main__", "rc": rc, "runtime": runtime}
    programs = [compiled(block, page) for block in blocks]
    try:
        return [printed_by(program, names, runner) for program in programs]
    finally:
        runner.run(close_sessions(runtime))


async def close_sessions(runtime: rc.Runtime) -> None:
    """Close the sessions that a page leaves: the next one finds none."""
    for status in await runtime.sessions():
        await (await runtime.session(status.id)).close()


def printed_by(program: CodeType, names: dict[str, Any], runner: asyncio.Runner) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        result = eval(program, names)
        if inspect.iscoroutine(result):
            runner.run(result)
    return printed.getvalue()


@pytest.mark.parametrize("page", PAGES_WITH_PYTHON, ids=name)
def test_the_python_blocks_of_a_page_run_in_order_and_print_what_it_shows(
    page: Path, runner: asyncio.Runner, async_runtime: rc.Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # for the files that they write
    blocks = code_blocks(page)
    programs = [block for block in blocks if block.language == "python"]

    printed = dict(zip(programs, run_blocks(programs, page, runner, async_runtime), strict=True))

    shown = [(block, after) for block, after in pairwise(blocks) if after.is_output]
    assert [printed[block].rstrip("\n") for block, _ in shown] == [after.code.rstrip("\n") for _, after in shown]


def test_no_block_is_left_out_for_its_language() -> None:
    blocks = [(name(page), block.line, block.language) for page in PAGES for block in code_blocks(page)]

    assert [block for block in blocks if block[-1] not in LANGUAGES] == []
