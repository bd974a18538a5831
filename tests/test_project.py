"""Project files: dependencies and their pins, the changelog, and no trace of the machine it was written on."""

import re
import subprocess
import tomllib
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from fixtures.distributions import dependencies
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CHANGE_KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pins(root: Path) -> dict[str, Version]:
    """The versions in ``constraints.txt``, which must contain nothing but names and versions."""
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    matches = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines]
    assert [line for line, match in zip(lines, matches, strict=True) if not match] == []
    return {canonicalize_name(match[1]): Version(match[2]) for match in matches if match}


SEPARATE_GROUPS = {"docs", "fuzz"}
"""Dependency groups that only the make target that needs them installs."""


def requirements(project: dict[str, Any], separate_groups: bool = True) -> list[Requirement]:
    """All direct requirements of the project; those of ``SEPARATE_GROUPS`` only if *separate_groups*."""
    extras = project["project"]["optional-dependencies"].values()
    excluded = set[str]() if separate_groups else SEPARATE_GROUPS
    groups = [lines for name, lines in project["dependency-groups"].items() if name not in excluded]
    lines = [project["build-system"]["requires"], project["project"]["dependencies"], *extras, *groups]
    direct = [Requirement(line) for part in lines for line in part if isinstance(line, str)]  # and no group
    return [requirement for requirement in direct if requirement.name != project["project"]["name"]]


def test_every_direct_and_indirect_dependency_is_pinned(project: dict[str, Any], pins: dict[str, Version]) -> None:
    direct = requirements(project, separate_groups=False)

    installed = [distribution(requirement.name) for requirement in direct]
    indirect = [dependencies(distribution(requirement.name), requirement.extras) for requirement in direct]

    names = {canonicalize_name(dependency.name) for dependency in chain(installed, *indirect)}
    assert names - set(pins) == set()


def test_the_pins_satisfy_the_requirements(project: dict[str, Any], pins: dict[str, Version]) -> None:
    unsatisfied = [r for r in requirements(project) if not r.specifier.contains(pins[canonicalize_name(r.name)])]

    assert unsatisfied == []


def test_every_lower_bound_has_its_reason_as_a_comment(root: Path) -> None:
    bounds = [line for line in (root / "pyproject.toml").read_text().splitlines() if ">=" in line]

    assert [line for line in bounds if "# " not in line] == []


def test_the_extra_all_has_every_extra_that_sessions_may_need(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]

    [everything] = extras["all"]

    assert Requirement(everything).extras == set(extras) - {"all", "bench"}


def test_the_changelog_has_the_format_of_keep_a_changelog(root: Path, project: dict[str, Any]) -> None:
    lines = (root / "CHANGELOG.md").read_text().splitlines()

    releases = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    assert {line.removeprefix("### ") for line in lines if line.startswith("### ")} <= CHANGE_KINDS
    if len(releases) > 1:
        assert releases[1].startswith(f"[{project['project']['version']}]")


def test_no_file_names_this_machine_or_a_package_index(root: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = [
        f"{root}/",
        f"{Path.home()}/",
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "npmjs" + ".org",
        "--index" + "-url",
    ]

    files = [root / name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
    found = {
        (file.relative_to(root).as_posix(), text)
        for file in files
        for text in forbidden
        if text.encode() in file.read_bytes()
    }

    assert found == set()
