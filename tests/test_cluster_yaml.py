"""``ray_cluster.yaml``: Ray's launcher accepts it, and its commands do what they should. No cloud is involved."""

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

from rayconteur.providers.registry import PROVIDERS

KEY_WITH_SPECIAL_CHARACTERS = "s k-'\"$HOME`id`\\"


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "ray_cluster.yaml").read_text()


@pytest.fixture(scope="module")
def cluster(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


def test_rays_launcher_accepts_it(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(cluster))

    validate_config(prepared)

    assert prepared["head_setup_commands"][: len(cluster["setup_commands"])] == cluster["setup_commands"]


def test_rays_schema_rejects_an_unknown_key(cluster: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="unknown_key"):
        validate_config(prepare_config({**copy.deepcopy(cluster), "unknown_key": 1}))


def test_it_installs_the_wheel_that_make_wheel_builds(cluster: dict[str, Any], root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    wheels = re.findall(r"[\w.]+-[\w.]+-py3-none-any\.whl", " ".join(cluster["setup_commands"]))

    assert set(wheels) == {f"{project['name']}-{project['version']}-py3-none-any.whl"}
    assert cluster["file_mounts"]["~/rayconteur/dist"] == "dist"


def test_its_nodes_run_the_pinned_version_of_ray(cluster: dict[str, Any], root: Path) -> None:
    pinned = re.search(r"^ray==(.+)$", (root / "constraints.txt").read_text(), re.MULTILINE)

    assert pinned
    assert cluster["docker"]["image"] == f"rayproject/ray:{pinned[1]}-py311"


def test_it_contains_no_key(text: str) -> None:
    assert not re.search(r"(sk-|AKIA|ASIA)\w", text)
    assert not re.search(r"(KEY|TOKEN|SECRET)\w*\s*[=:]\s*\S", text)


@pytest.mark.parametrize("commands", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_ray_starts_with_the_keys_and_requires_the_token(
    commands: str, cluster: dict[str, Any], text: str, home: Path
) -> None:
    [write_keys] = re.findall(r"\((umask 077; .+)\)$", text, re.MULTILINE)
    run_in_bash(write_keys, home, ANTHROPIC_API_KEY=KEY_WITH_SPECIAL_CHARACTERS, OTHER_API_KEY="other")
    (home / ".rayconteur").rename(home / "rayconteur" / "keys")

    output = run_in_bash(cluster[commands][-1], home)

    assert "RAY_AUTH_MODE=token" in output
    assert f"ANTHROPIC_API_KEY={KEY_WITH_SPECIAL_CHARACTERS}" in output
    assert "OTHER_API_KEY=other" not in output
    assert (home / "rayconteur" / "keys" / "keys.sh").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "variable", [*(name for each in PROVIDERS.values() for name in each.environment), "RAYCONTEUR_JOURNAL"]
)
def test_the_file_of_keys_has_the_journal_and_every_variable_that_a_provider_of_this_package_reads(
    variable: str, text: str, home: Path
) -> None:
    [write_keys] = re.findall(r"\((umask 077; .+)\)$", text, re.MULTILINE)

    run_in_bash(write_keys, home, **{variable: "its value", f"MY_{variable}": "another's", "OTHER": f"{variable}=x"})

    saved = (home / ".rayconteur" / "keys.sh").read_text()
    assert saved == f'declare -x {variable}="its value"\n'


@pytest.mark.parametrize("commands", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_ray_does_not_start_without_the_key_file(commands: str, cluster: dict[str, Any], home: Path) -> None:
    assert run_in_bash(cluster[commands][-1], home) == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node's home folder, with a ``ray`` that only prints its environment."""
    for folder in (".rayconteur", "rayconteur", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "ray").write_text("#!/bin/sh\nenv\n")
    (tmp_path / "bin" / "ray").chmod(0o755)
    return tmp_path


def run_in_bash(command: str, home: Path, **environment: str) -> list[str]:
    """The lines that *command* prints, run in a bare environment as the launcher runs it."""
    environment |= {"HOME": str(home), "PATH": f"{home / 'bin'}{os.pathsep}{os.defpath}"}
    process = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    return process.stdout.splitlines()
