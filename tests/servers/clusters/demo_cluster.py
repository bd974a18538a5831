"""A Ray cluster of two nodes on loopback, on which the demo runs: ``make cluster``.

``python -m servers.clusters.demo_cluster [OPTION...]``, with the options of ``rayconteur demo``.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
from servers.two_nodes import ENVIRON, two_nodes

_DEMO = "from rayconteur.cli.main import main; main()"


def main(options: Sequence[str]) -> int:
    """The exit code of the demo; 1 where the nodes have no addresses."""
    try:
        with two_nodes({}) as address:
            print(f"a cluster of two nodes runs at {address}", file=sys.stderr, flush=True)
            command = [sys.executable, "-c", _DEMO, "demo", "--address", address, *options]
            return subprocess.run(command, env={**os.environ, **ENVIRON}, check=False).returncode
    except pytest.skip.Exception as reason:  # what the tests do then
        print(reason, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
