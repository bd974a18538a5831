"""The wheel, installed where there is what it asks for and nothing else."""

import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path
from shutil import copytree, ignore_patterns
from venv import EnvBuilder

import pytest
from installed import needs

FLOORS = ("providers", "compaction", "runtime", "cli")
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


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}

    floors = ("providers", "compaction", "runtime", "cli")
    files = [
        root / "__init__.py",
        root / "py.typed",
        *(file for floor in floors for file in (root / floor).rglob("*.py")),
    ]
    assert shipped == {f"rayconteur/{file.relative_to(root).as_posix()}" for file in files}


def test_a_program_keeps_its_own_folders_of_the_same_names(python: Path, tmp_path: Path) -> None:
    for folder in FLOORS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "program.py").write_text(
        "import cli, compaction, providers, runtime\n"
        "import rayconteur, rayconteur.providers.open, rayconteur.compaction.estimate, rayconteur.runtime.config\n"
        "assert cli.MINE and compaction.MINE and providers.MINE and runtime.MINE\n"
        "print(rayconteur.__file__)\n"
    )

    printed = run(python, "program.py", cwd=tmp_path)

    assert Path(printed.strip()).is_relative_to(python.parent.parent)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What *command* prints. A failure shows all of it."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
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
