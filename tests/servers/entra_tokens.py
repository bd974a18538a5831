"""Functions that give tokens, as a program that talks to Azure may have them."""

import threading
from itertools import count

TOKEN = "a-token-of-entra"
is_asked = threading.Event()
may_go_on = threading.Event()
_calls = count()


def given() -> str:
    """A token at once."""
    return TOKEN


async def awaited() -> str:
    """A token, from a coroutine."""
    return TOKEN


def when_it_may() -> str:
    """A token when the loop has gone on: never, if this holds it up."""
    is_asked.set()
    return TOKEN if may_go_on.wait(5) else "too late"


def in_pairs() -> str:
    """Each token twice, then another."""
    return f"{TOKEN}-{next(_calls) // 2}"


def fails() -> str:
    """No token, and an error that says too much."""
    raise RuntimeError(f"no luck with {TOKEN}")


def nothing() -> None:
    """No token."""


NOT_A_FUNCTION = TOKEN
