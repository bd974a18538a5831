"""``rayconteur bench``, by another name: ``python -m rayconteur.benchmarks``."""

import sys

from ..cli.main import app

if __name__ == "__main__":
    app(["bench", *sys.argv[1:]], prog_name="rayconteur")
