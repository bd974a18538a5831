"""The event loop of a process that runs async tools one after the other: a new one for each takes longer than most."""

import asyncio
import contextvars
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def run_in_kept_loop(work: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, in a loop that is kept unless *work* was interrupted, or leaves tasks behind."""
    runner = _runner()
    ended = False
    try:
        outcome = runner.run(work, context=contextvars.copy_context())
        ended = not asyncio.all_tasks(runner.get_loop())
        return outcome
    except Exception:
        ended = not asyncio.all_tasks(runner.get_loop())
        raise
    finally:
        if not ended:
            _runner.cache_clear()
            runner.close()


@cache
def _runner() -> "asyncio.Runner":
    return asyncio.Runner()
