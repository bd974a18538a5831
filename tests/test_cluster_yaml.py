"""``ray_cluster.yaml``: what Ray's launcher takes, and what its commands do. The cloud itself is not asked."""

import copy
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

HARD_TO_QUOTE = "s k-'\"$HOME`id`\\"


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "ray_cluster.yaml").read_text()


@pytest.fixture(scope="module")
def cluster(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


def test_rays_launcher_takes_it(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(cluster))

    validate_config(prepared)

    assert prepared["head_setup_commands"][: len(cluster["setup_commands"])] == cluster["setup_commands"]


def test_rays_schema_would_refuse_a_word_that_is_not_its_own(cluster: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="wrong_word"):
        validate_config(prepare_config({**copy.deepcopy(cluster), "wrong_word": 1}))


def test_it_installs_the_wheel_that_make_wheel_builds(cluster: dict[str, Any], root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    wheels = re.findall(r"[\w.]+-[\w.]+-py3-none-any\.whl", " ".join(cluster["setup_commands"]))

    assert set(wheels) == {f"{project['name']}-{project['version']}-py3-none-any.whl"}
    assert cluster["file_mounts"]["~/rayconteur/dist"] == "dist"


def test_its_nodes_run_the_ray_that_was_tried(cluster: dict[str, Any], root: Path) -> None:
    pinned = re.search(r"^ray==(.+)$", (root / "constraints.txt").read_text(), re.MULTILINE)

    assert pinned
    assert cluster["docker"]["image"] == f"rayproject/ray:{pinned[1]}-py311"


def test_no_key_stands_in_it(text: str) -> None:
    assert not re.search(r"(sk-|AKIA|ASIA)\w", text)
    assert not re.search(r"(KEY|TOKEN|SECRET)\w*\s*[=:]\s*\S", text)


@pytest.mark.parametrize("commands", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_ray_starts_with_the_keys_and_asks_for_the_token(
    commands: str, cluster: dict[str, Any], text: str, home: Path
) -> None:
    [writing] = re.findall(r"\((umask 077; .+)\)$", text, re.MULTILINE)
    bash(writing, home, ANTHROPIC_API_KEY=HARD_TO_QUOTE, OTHER_API_KEY="other")
    (home / ".rayconteur").rename(home / "rayconteur" / "keys")

    seen = bash(cluster[commands][-1], home)

    assert "RAY_AUTH_MODE=token" in seen
    assert f"ANTHROPIC_API_KEY={HARD_TO_QUOTE}" in seen
    assert "OTHER_API_KEY=other" not in seen
    assert (home / "rayconteur" / "keys" / "keys.sh").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("commands", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_ray_does_not_start_without_the_file_of_keys(commands: str, cluster: dict[str, Any], home: Path) -> None:
    assert bash(cluster[commands][-1], home) == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node's home folder, with a ``ray`` that only says what it was started with."""
    for folder in (".rayconteur", "rayconteur", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "ray").write_text("#!/bin/sh\nenv\n")
    (tmp_path / "bin" / "ray").chmod(0o755)
    return tmp_path


def bash(command: str, home: Path, **environment: str) -> list[str]:
    """The lines that *command* prints, run in a bare environment as the launcher runs it."""
    environment |= {"HOME": str(home), "PATH": f"{home / 'bin'}{os.pathsep}{os.defpath}"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()
