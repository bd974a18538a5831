"""Functions that give tokens, as a program that talks to Azure may have them."""

import threading

TOKEN = "a-token-of-entra"
is_asked = threading.Event()
may_go_on = threading.Event()


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


def fails() -> str:
    """No token, and an error that says too much."""
    raise RuntimeError(f"no luck with {TOKEN}")


def nothing() -> None:
    """No token."""


NOT_A_FUNCTION = TOKEN
