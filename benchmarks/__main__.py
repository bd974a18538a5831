"""``python -m rayconteur.benchmarks``: the same as ``rayconteur bench``."""

from .command import app

if __name__ == "__main__":
    app(prog_name="rayconteur bench")
