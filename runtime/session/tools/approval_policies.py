"""What sessions' own functions say of tool uses: which of them need approval."""

import asyncio
import pickle
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from inspect import isawaitable

from ....providers.schema.content import ToolUse
from ...api.tools.approval_policy import ApprovalPolicy
from ...api.tools.function_tool import NeedsApproval
from ...tools.runs import in_thread, needs_approval

TIMEOUT_S = 30.0
"""What a function has not decided by then needs approval."""

MAX_THREADS = 8
"""So many decisions of a function run at a time in a process: a thread that hangs can't be ended."""

_KEPT = 64


async def uses_needing_approval(uses: Sequence[ToolUse], policy: ApprovalPolicy) -> tuple[str, ...]:
    """The ids of those of *uses* that need approval by *policy*: those of which it does not say, do.

    Its function is loaded, and runs, in threads: it holds up no other session.
    """
    assert isinstance(policy.function, bytes)
    decider = _decider(policy.function)
    needed = await asyncio.gather(*(needs_approval(use, decider.decide(use), TIMEOUT_S) for use in uses))
    return tuple(use.id for use, is_needed in zip(uses, needed, strict=True) if is_needed)


class _Decider:
    """A session's function, *pickled*, in a process."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled
        self._free = asyncio.Semaphore(MAX_THREADS)

    async def decide(self, use: ToolUse) -> object:
        """What the function says of *use*."""
        await self._free.acquire()
        return await in_thread(partial(self._answer, use, asyncio.get_running_loop()), f"approval of {use.name[:50]}")

    def _answer(self, use: ToolUse, loop: asyncio.AbstractEventLoop) -> object:
        try:
            answer = _loaded(self._pickled)(use)
            return asyncio.run(_awaited(answer)) if isawaitable(answer) else answer
        finally:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._free.release)


async def _awaited(answer: Awaitable[object]) -> object:
    async with asyncio.timeout(TIMEOUT_S):
        return await answer


_decider = lru_cache(_KEPT)(_Decider)


@lru_cache(_KEPT)
def _loaded(pickled: bytes) -> NeedsApproval:
    function: NeedsApproval = pickle.loads(pickled)  # from a driver that knows the namespace's secret
    return function
