"""The plan of the house: what may import what, how long a thing may be, what stands at the front door."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("providers", "compaction", "runtime", "cli")  # from the ground up
PROGRAMS = ("tests", "benchmarks", "examples")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

# Where a third-party module may be imported: a folder, or a file.
GUESTS = {
    "msgspec": FLOORS,
    "ray": ("runtime/actor.py", "runtime/router.py", "runtime/driver.py"),
    "uvloop": ("runtime/actor.py",),
    "typer": ("cli",),
    "rich": ("cli",),
    "anthropic": ("providers/anthropic.py",),
    "openai": ("providers/openai.py", "providers/azure.py"),
    "httpx2": ("providers",),
    "aiohttp": ("providers/http.py",),
}

# What neither `import rayconteur` nor the words of a conversation may load: each costs up to a second and 50 MB.
HEAVY = ("ray", "anthropic", "openai", "httpx2", "httpx", "aiohttp", "pydantic", "typer", "rich")


def house_files() -> list[Path]:
    return [ROOT / "__init__.py", *(file for floor in FLOORS for file in sorted((ROOT / floor).rglob("*.py")))]


def all_files() -> list[Path]:
    return [*house_files(), *(file for folder in PROGRAMS for file in sorted((ROOT / folder).rglob("*.py")))]


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Level and dotted name of each import of *file*, wherever it stands; ``from . import a`` is ``(1, "a")``."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=aliases):
                yield from ((0, alias.name) for alias in aliases)
            case ast.ImportFrom(module=None, names=aliases, level=level):
                yield from ((level, alias.name) for alias in aliases)
            case ast.ImportFrom(module=str(module), level=level):
                yield level, module
            case _:
                pass


@pytest.mark.parametrize("file", house_files()[1:], ids=name)
def test_a_folder_imports_only_downwards(file: Path) -> None:
    here = file.relative_to(ROOT).parts[:-1]

    for level, module in imports(file):
        assert not (level == 0 and module.partition(".")[0] == "rayconteur"), "inside the house imports are relative"
        if level:
            floor = [*here[: len(here) - level + 1], *module.split(".")][0]
            assert floor in FLOORS[: FLOORS.index(here[0]) + 1], f"{here[0]} stands below {floor}"


@pytest.mark.parametrize("file", house_files(), ids=name)
def test_a_guest_is_imported_only_where_the_plan_says(file: Path) -> None:
    for level, module in imports(file):
        guest = module.partition(".")[0]
        if level == 0 and guest != "rayconteur" and guest not in sys.stdlib_module_names:
            assert any(Path(name(file)).is_relative_to(place) for place in GUESTS.get(guest, ())), f"imports {guest}"


@pytest.mark.parametrize("file", all_files(), ids=name)
def test_a_file_fits_on_a_few_screens_and_a_function_on_one(file: Path) -> None:
    text = file.read_text()

    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_importing_the_package_or_its_words_loads_neither_ray_nor_an_sdk() -> None:
    clients = GUESTS["anthropic"] + GUESTS["openai"]
    words = [file.stem for file in (ROOT / "providers").glob("*.py") if name(file) not in clients]
    program = f"""
import importlib, sys
import rayconteur
for word in {words!r}:
    importlib.import_module("rayconteur.providers." + word)
print(*{set(HEAVY)!r} & set(sys.modules))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
