"""The wheel, installed in an environment with its dependencies and nothing else."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import Distribution
from pathlib import Path
from shutil import copytree, ignore_patterns
from venv import EnvBuilder

import pytest
from fixtures.distributions import dependencies

FOLDERS = ("providers", "compaction", "runtime", "benchmarks", "cli")
NOT_SOURCE = ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it is published: built from the source distribution, which proves that one complete."""
    source = copytree(root, tmp_path_factory.mktemp("source") / "checkout", ignore=NOT_SOURCE)
    run(sys.executable, "-m", "build", "--no-isolation", source)
    [built] = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel but no extra."""
    return install(wheel, tmp_path_factory.mktemp("environment"))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Where to write a program whose own folders have the names of our packages."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("MINE = True\n")
    return tmp_path / "program.py"


def test_the_wheel_contains_the_package_and_nothing_else(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}

    modules = [file for folder in FOLDERS for file in (root / folder).rglob("*.py")]
    samples = (root / "benchmarks/load/samples").iterdir()
    data = root / "providers/presets.toml"
    files = [*root.glob("*.py"), root / "py.typed", data, *modules, *samples]
    assert shipped == {f"rayconteur/{file.relative_to(root).as_posix()}" for file in files}


def test_the_source_distribution_also_has_the_files_to_deploy_it(wheel: Path, root: Path) -> None:
    [built] = wheel.parent.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    files = [root / "ray_cluster.yaml", *(file for file in (root / "deploy").rglob("*") if file.is_file())]
    assert {file.relative_to(root).as_posix() for file in files} - names == set()


def test_a_program_imports_its_own_folders_of_the_same_names(python: Path, program: Path) -> None:
    program.write_text(
        "import benchmarks, cli, compaction, providers, runtime\n"
        "import rayconteur, rayconteur.providers.registry\n"
        "assert rayconteur.model('groq:m')\n"
        "import rayconteur.compaction.estimate.estimator, rayconteur.runtime.api.config\n"
        "assert benchmarks.MINE and cli.MINE and compaction.MINE and providers.MINE and runtime.MINE\n"
        "print(rayconteur.__file__)\n"
    )

    assert Path(run(python, program).strip()).is_relative_to(python.parent.parent)


def test_a_session_answers_in_a_program_with_folders_of_the_same_names(python: Path, program: Path) -> None:
    program.write_text(
        "import asyncio\n"
        "import rayconteur as rc\n"
        "async def main():\n"
        "    async with rc.Runtime() as runtime:\n"
        "        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))\n"
        "        print('Answer:', (await session.ask('Hi').answer()).text)\n"
        "asyncio.run(main())\n"
    )

    assert re.search(r"Answer: \w", run(python, program))


def test_the_command_is_installed(python: Path) -> None:
    printed = run(python.parent / "rayconteur", "--help")

    assert "demo" in printed
    assert "chat" in printed


@pytest.mark.parametrize("config", ["rc.Anthropic(model='m', api_key='k')", "rc.OpenAI(model='m', api_key='k')"])
def test_the_error_for_a_missing_sdk_names_the_extra(python: Path, program: Path, config: str) -> None:
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
    """The output of *command*, which starts its own Ray if it needs one. A failure shows the output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def install(wheel: Path, folder: Path) -> Path:
    """The Python of a new environment with *wheel* and its dependencies, linked from the environment of the tests."""
    EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    [packages] = folder.glob("lib/python*/site-packages")
    [metadata] = packages.glob("rayconteur-*.dist-info")
    for dependency in dependencies(Distribution.at(metadata)):
        entries = {file.parts[0] for file in dependency.files or ()} - {"..", "__pycache__"}
        for entry in entries - {existing.name for existing in packages.iterdir()}:
            (packages / entry).symlink_to(str(dependency.locate_file(entry)))
    return python
