"""Ray serves the metrics of a namespace to Prometheus: on each node that one of its shared actors is on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]  # it starts a Ray of its own, with its agent

SECRET = "a text that no metric may contain"

PROGRAM = """
import asyncio, sys, urllib.request
import ray
import rayconteur as rc
from prometheus_client.parser import text_string_to_metric_families

WANTED = {
    "ray_rayconteur_turns": {"provider": "scripted", "model": "scripted", "outcome": "completed"},
    "ray_rayconteur_sessions": {"state": "idle", "provider": "scripted"},
    "ray_rayconteur_tokens": {"kind": "output"},
    "ray_rayconteur_first_text_seconds_bucket": {"le": "+Inf"},
    "ray_rayconteur_router_sessions": {"router": "0"},
    "ray_rayconteur_journal_records": {},
    "ray_rayconteur_directory_sessions": {},
}

def served(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        wanted = {"namespace": "ravens"} | WANTED.get(family.name, {"namespace": None})
        for sample in family.samples:
            if wanted.items() <= sample.labels.items():
                found[family.name] = sample.value
    return found, text

async def main(secret):
    options = rc.RuntimeOptions(namespace="ravens", journal=rc.runtime.MemoryJournalConfig())
    async with rc.Runtime(placement=rc.Packed(), options=options) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "id-of-a-session")
        await session.ask(secret).answer()
        [port] = [node["MetricsExportPort"] for node in ray.nodes()]
        while True:
            found, text = await asyncio.to_thread(served, port)
            if found.keys() == WANTED.keys():
                break
            await asyncio.sleep(1.0)
    assert secret not in text and session.id not in text
    print(*(f"{name}={value:g}" for name, value in sorted(found.items())), sep="\\n")

ray.init("local", num_cpus=2, include_dashboard=False)
asyncio.run(main(sys.argv[1]))
"""


def test_the_figures_of_a_turn_are_served_on_the_port_of_the_node(root: Path) -> None:
    packages = root / ".ray-metrics"
    if not (packages / "installed").exists():
        pytest.skip("the packages that Ray's agent needs are not available: make .ray-metrics/installed")
    environment = os.environ | {
        "PYTHONPATH": str(packages),
        "RAY_metrics_report_interval_ms": "3000",  # a gauge is forgotten after twice that
    }

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, SECRET],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures = dict(line.split("=") for line in done.stdout.splitlines() if line.startswith("ray_rayconteur"))
    assert figures["ray_rayconteur_turns"] == "1"
    assert figures["ray_rayconteur_sessions"] == "1"
    assert figures["ray_rayconteur_router_sessions"] == "1"
    assert figures["ray_rayconteur_directory_sessions"] == "1"
    assert figures["ray_rayconteur_first_text_seconds_bucket"] == "1"
    assert int(figures["ray_rayconteur_tokens"]) > 0
    assert int(figures["ray_rayconteur_journal_records"]) > 0
