"""The files of deploy/: the manifest for KubeRay, the container file and the systemd units. None is applied here."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from ray._private import ray_constants

from rayconteur.providers.registry import PROVIDERS

UNITS = ("rayconteur-head.service", "rayconteur-worker.service")


@pytest.fixture(scope="module")
def deploy(root: Path) -> Path:
    return root / "deploy"


@pytest.fixture(scope="module")
def manifests(deploy: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((deploy / "kuberay.yaml").read_text()))


@pytest.fixture(scope="module")
def schema(root: Path) -> Draft202012Validator:
    schema = json.loads((root / "tests/samples/kuberay/raycluster.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def ray_version(root: Path) -> str:
    pinned = re.search(r"^ray==(.+)$", (root / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned
    return pinned[1]


def test_kuberays_schema_accepts_the_cluster(manifests: list[dict[str, Any]], schema: Draft202012Validator) -> None:
    schema.validate(manifests[0])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "authOptions", "mode"), "on"),
        (("spec", "headGroupSpec", "replicas"), 1),
        (("spec", "workerGroupSpecs", 0, "minReplicas"), "two"),
        (("spec", "headGroupSpec", "rayStartParams", "num-cpus"), 0),
    ],
    ids=str,
)
def test_a_wrong_or_unknown_field_is_found(
    path: tuple[str | int, ...], value: object, manifests: list[dict[str, Any]], schema: Draft202012Validator
) -> None:
    changed: Any = copy.deepcopy(manifests[0])
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(ValidationError):
        schema.validate(changed)


def test_all_pods_run_the_image_with_the_keys_and_tokens_are_required(
    manifests: list[dict[str, Any]], ray_version: str
) -> None:
    spec = manifests[0]["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    containers = [each for group in groups for each in group["template"]["spec"]["containers"]]

    assert spec["rayVersion"] == ray_version
    assert spec["authOptions"] == {"mode": "token"}
    assert len({each["image"] for each in containers}) == 1, "Ray requires the same Python and Ray on every node"
    assert [each["envFrom"] for each in containers] == len(groups) * [[{"secretRef": {"name": "rayconteur-keys"}}]]


def test_nodes_drain_for_less_time_than_they_have_until_they_are_killed(
    manifests: list[dict[str, Any]], deploy: Path
) -> None:
    drain = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
    spec = manifests[0]["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        [drain_s] = [int(each["value"]) for each in pod["containers"][0]["env"] if each["name"] == drain]
        assert 30 < drain_s < pod["terminationGracePeriodSeconds"]
    for name in UNITS:
        unit = (deploy / "systemd" / name).read_text()
        drain_s, stop_s = (int(re.findall(rf"{key}=(\d+)", unit)[0]) for key in (drain, "TimeoutStopSec"))
        assert 30 < drain_s < stop_s
    assert hasattr(ray_constants, drain)


def test_the_policy_admits_only_the_clusters_own_pods_and_those_that_it_names(manifests: list[dict[str, Any]]) -> None:
    cluster, policy = manifests
    own = {"ray.io/cluster": cluster["metadata"]["name"]}

    assert policy["spec"]["podSelector"]["matchLabels"] == own
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert all(peer["podSelector"]["matchLabels"] for rule in policy["spec"]["ingress"] for peer in rule["from"])


def test_the_secret_gets_the_variables_of_all_providers(deploy: Path, tmp_path: Path) -> None:
    [command] = re.findall(
        r"^# +(kubectl create secret generic rayconteur-keys .+)$", (deploy / "kuberay.yaml").read_text(), re.MULTILINE
    )
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/bash\ncat "${5#--from-env-file=}"\n')
    kubectl.chmod(0o755)
    variables = [name for provider in PROVIDERS.values() for name in provider.environment]
    environment = dict.fromkeys(variables, "a value") | {"MY_API_KEY": "another's"}

    done = subprocess.run(
        ["bash", "-c", command],
        env=environment | {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(done.stdout.splitlines()) == sorted(f"{name}=a value" for name in variables)


def test_the_container_file_has_the_pinned_ray_and_the_wheel_of_make_wheel(
    deploy: Path, root: Path, ray_version: str, manifests: list[dict[str, Any]]
) -> None:
    text = (deploy / "Containerfile").read_text()
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    assert f"FROM rayproject/ray:{ray_version}-py311\n" in text
    assert set(re.findall(r"ray==([\d.]+)", text)) == {ray_version}
    assert set(re.findall(r"rayconteur-([\d.]+)-py3", text)) == {project["version"]}
    image = f"rayconteur:{project['version']}"
    assert f"--tag {image} " in text
    assert image in (deploy / "kuberay.yaml").read_text()


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_units(name: str, deploy: Path, tmp_path: Path) -> None:
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not installed")
    text = (deploy / "systemd" / name).read_text()
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/rayconteur/bin/ray", sys.executable))  # it must exist

    done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)

    assert [line for line in done.stderr.splitlines() if name in line] == []
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", UNITS)
def test_the_units_require_the_token_and_use_only_variables_of_the_environment_file(name: str, deploy: Path) -> None:
    text = (deploy / "systemd" / name).read_text()
    declared = set(re.findall(r"^(\w+)=", (deploy / "systemd" / "environment").read_text(), re.MULTILINE))

    assert "RAY_AUTH_MODE=token" in text
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= declared
    assert "RAY_AUTH_TOKEN" in declared
    assert "EnvironmentFile=/etc/rayconteur/environment" in text


@pytest.mark.parametrize("name", UNITS)
def test_ray_knows_the_options_that_the_units_start_it_with(name: str, deploy: Path) -> None:
    from ray.scripts.scripts import start

    command = re.search(r"^ExecStart=(.+(?:\\\n.+)*)", (deploy / "systemd" / name).read_text(), re.MULTILINE)

    assert command
    known = {option for parameter in start.params for option in parameter.opts}
    assert set(re.findall(r"--[\w-]+", command[1])) <= known


def test_no_file_contains_a_key(deploy: Path) -> None:
    for file in deploy.rglob("*"):
        if file.is_file():
            assert not re.search(r"(sk-|AKIA|ASIA)\w", file.read_text()), file
            assert not re.search(r"(KEY|TOKEN|SECRET)\w*=\S", re.sub(r"_KEY=\$", "", file.read_text())), file
