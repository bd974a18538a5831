"""A provider from another distribution, found by its entry point, answers in sessions on a real cluster."""

import os
import subprocess
import sys
from pathlib import Path

from fixtures.plugins import install, plugin_on_page

PROGRAM = """
import logging, os
import ray
import rayconteur as rc
from rayconteur import blocking

# As if the plugin were installed on the nodes of the cluster, too.
on_nodes = {"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}}
ray.init(os.environ["RAY_ADDRESS"], runtime_env=on_nodes, log_to_driver=False, logging_level=logging.ERROR)

with blocking.Runtime(options=rc.RuntimeOptions(namespace="plugin")) as runtime:
    for placement in (rc.Packed(), rc.Dedicated()):
        session = runtime.spawn(rc.SessionConfig(provider=rc.model("echo:parrot")), placement=placement)
        print(session.ask("Why do ravens play?").answer().text)
        session.configure(rc.Configure(provider=rc.Scripted()))
        session.configure(rc.Configure(provider=rc.model("echo:crow")))
        print(session.ask("Caw?").answer().text)
"""


def test_the_plugin_of_the_documentation_runs_packed_and_dedicated_sessions(
    root: Path, tmp_path: Path, ray_address: str
) -> None:
    install(plugin_on_page(root / "docs/adding-a-provider.md"), tmp_path)
    own = {"PYTHONPATH": str(tmp_path), "ECHO_API_KEY": "sk-echo", "RAY_ADDRESS": ray_address}
    environment = {**os.environ, **own}

    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=False)

    assert done.stdout.splitlines() == ["Why do ravens play?", "Caw?"] * 2, done.stderr
