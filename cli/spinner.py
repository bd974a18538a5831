"""A sign of life while Ray starts, which takes seconds."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from .output import Output


@contextmanager
def spinner(output: Output, text: str) -> Generator[None]:
    """Show *text* and a spinner until the end of the block, at a terminal. Rich moves it in a thread of its own."""
    if not output.terminal:
        yield
        return
    from rich.console import Console  # here: a tenth of a second, which only terminals need

    with Console(file=output.stream, highlight=False).status(f"{text} ..."):
        yield


def is_cluster_named(address: str | None) -> bool:
    """True if a running cluster is to be used, and no Ray started."""
    return bool(address or os.environ.get("RAY_ADDRESS"))
