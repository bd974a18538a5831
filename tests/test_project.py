"""What surrounds the code: dependencies and their pins, the changelog, and what no file tells of a machine."""

import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from fixtures.distributions import needs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pins(root: Path) -> dict[str, Version]:
    """The versions in ``constraints.txt``, which holds nothing but names and versions."""
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    found = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines]
    assert [line for line, match in zip(lines, found, strict=True) if not match] == []
    return {canonicalize_name(match[1]): Version(match[2]) for match in found if match}


APART = {"docs", "fuzz"}
"""Groups of dependencies that are installed by the target that needs them only."""


def required(project: dict[str, Any], apart: bool = True) -> list[Requirement]:
    """What the project itself asks for, by whatever door; the groups that stand *apart* maybe not."""
    extras = project["project"]["optional-dependencies"].values()
    groups = [lines for name, lines in project["dependency-groups"].items() if apart or name not in APART]
    lines = [project["build-system"]["requires"], project["project"]["dependencies"], *extras, *groups]
    asked = [Requirement(line) for part in lines for line in part]
    return [requirement for requirement in asked if requirement.name != project["project"]["name"]]


def test_every_dependency_near_and_far_is_pinned(project: dict[str, Any], pins: dict[str, Version]) -> None:
    asked = [(distribution(requirement.name), requirement.extras) for requirement in required(project, apart=False)]

    brought_in = [needed for installed, extras in asked for needed in [installed, *needs(installed, extras)]]

    assert {canonicalize_name(needed.name) for needed in brought_in} - set(pins) == set()


def test_the_pins_are_what_the_project_asks_for(project: dict[str, Any], pins: dict[str, Version]) -> None:
    unfit = [r for r in required(project) if not r.specifier.contains(pins[canonicalize_name(r.name)])]

    assert unfit == []


def test_every_lower_bound_carries_its_reason(root: Path) -> None:
    bounds = [line for line in (root / "pyproject.toml").read_text().splitlines() if ">=" in line]

    assert [line for line in bounds if "# " not in line] == []


def test_all_is_every_extra_that_sessions_may_need(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]

    [everything] = extras["all"]

    assert Requirement(everything).extras == set(extras) - {"all", "bench"}


def test_the_changelog_has_its_form(root: Path, project: dict[str, Any]) -> None:
    lines = (root / "CHANGELOG.md").read_text().splitlines()

    releases = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    assert {line.removeprefix("### ") for line in lines if line.startswith("### ")} <= CHANGES
    if len(releases) > 1:
        assert releases[1].startswith(f"[{project['project']['version']}]")


def test_no_file_names_this_machine_or_a_package_index(root: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    secrets = [
        f"{root}/",
        f"{Path.home()}/",
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "npmjs" + ".org",
        "--index" + "-url",
    ]

    files = [root / name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
    told = {
        (file.relative_to(root).as_posix(), secret)
        for file in files
        for secret in secrets
        if secret.encode() in file.read_bytes()
    }

    assert told == set()
