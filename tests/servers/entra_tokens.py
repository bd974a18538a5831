"""Functions that return tokens, as a program that uses Azure with Entra ID configures them."""

import threading
from itertools import count

TOKEN = "a-token-of-entra"
requested = threading.Event()
released = threading.Event()
_calls = count()


def token() -> str:
    """Returns a token at once."""
    return TOKEN


async def async_token() -> str:
    """Returns a token from a coroutine."""
    return TOKEN


def blocking_token() -> str:
    """Returns a token once *released* is set by the event loop, which must therefore not be blocked meanwhile."""
    requested.set()
    return TOKEN if released.wait(5) else "too late"


def changing_token() -> str:
    """Returns each token twice, then another."""
    return f"{TOKEN}-{next(_calls) // 2}"


def failing_token() -> str:
    """Raises an error that contains the token."""
    raise RuntimeError(f"no luck with {TOKEN}")


def no_token() -> None:
    """Returns no token."""


NOT_A_FUNCTION = TOKEN
