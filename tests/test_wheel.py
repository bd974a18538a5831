"""The wheel, installed where there is what it asks for and nothing else."""

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path
from shutil import copytree, ignore_patterns
from venv import EnvBuilder

import pytest
from fixtures.distributions import needs

FOLDERS = ("providers", "compaction", "runtime", "benchmarks", "cli")
NOT_SOURCE = ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it is published: built from the source distribution, so that it is known to be complete."""
    source = copytree(root, tmp_path_factory.mktemp("source") / "checkout", ignore=NOT_SOURCE)
    run(sys.executable, "-m", "build", "--no-isolation", source)
    [built] = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel, without any extra."""
    return install(wheel, tmp_path_factory.mktemp("environment"))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Where to write a program that has folders of the same names as ours."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("MINE = True\n")
    return tmp_path / "program.py"


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}

    modules = [file for folder in FOLDERS for file in (root / folder).rglob("*.py")]
    files = [root / "__init__.py", root / "py.typed", *modules, *(root / "benchmarks/load/samples").iterdir()]
    assert shipped == {f"rayconteur/{file.relative_to(root).as_posix()}" for file in files}


def test_a_program_keeps_its_own_folders_of_the_same_names(python: Path, program: Path) -> None:
    program.write_text(
        "import benchmarks, cli, compaction, providers, runtime\n"
        "import rayconteur, rayconteur.providers.registry\n"
        "import rayconteur.compaction.estimate.estimator, rayconteur.runtime.api.config\n"
        "assert benchmarks.MINE and cli.MINE and compaction.MINE and providers.MINE and runtime.MINE\n"
        "print(rayconteur.__file__)\n"
    )

    assert Path(run(python, program).strip()).is_relative_to(python.parent.parent)


def test_a_session_speaks_beside_folders_of_the_same_names(python: Path, program: Path) -> None:
    program.write_text(
        "import asyncio\n"
        "import rayconteur as rc\n"
        "async def main():\n"
        "    async with rc.Runtime() as runtime:\n"
        "        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))\n"
        "        print('Said:', (await session.ask('Hi').answer()).text)\n"
        "asyncio.run(main())\n"
    )

    assert re.search(r"Said: \w", run(python, program))


def test_the_command_is_installed(python: Path) -> None:
    printed = run(python.parent / "rayconteur", "--help")

    assert "demo" in printed
    assert "chat" in printed


@pytest.mark.parametrize("config", ["rc.Anthropic(model='m', api_key='k')", "rc.OpenAI(model='m', api_key='k')"])
def test_without_an_sdk_the_error_names_the_extra(python: Path, program: Path, config: str) -> None:
    program.write_text(
        "import rayconteur as rc\n"
        "from rayconteur.providers.registry import open_client\n"
        "try:\n"
        f"    open_client({config})\n"
        "except rc.errors.MissingExtra as error:\n"
        "    print(error)\n"
    )

    assert re.search(r"pip install 'rayconteur\[(anthropic|openai)\]'", run(python, program))


def run(*command: str | Path) -> str:
    """What *command* prints, with a Ray of its own. A failure shows all of it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def install(wheel: Path, folder: Path) -> Path:
    """The Python of a new environment: *wheel*, and what it requires, linked from the environment of the tests."""
    EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    [packages] = folder.glob("lib/python*/site-packages")
    [metadata] = packages.glob("rayconteur-*.dist-info")
    for needed in needs(Distribution.at(metadata)):
        tops = {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}
        for top in tops - {there.name for there in packages.iterdir()}:
            (packages / top).symlink_to(str(needed.locate_file(top)))
    return python
