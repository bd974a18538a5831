"""The directory's client: calls to the directory, which wait while it is away."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...api.errors import DeathReason, DirectoryUnreachable, RuntimeClosed, Unreachable
from ..ray_calls import result_within
from ..ray_errors import ActorDead
from .actor import DirectoryHandle
from .package_version import package_version
from .places import ClaimRequest, SessionPage

T = TypeVar("T")


class DirectoryClient:
    """Makes calls to *actor*, each within *timeout_s*. They may be made twice: it restarts when it dies."""

    def __init__(self, actor: DirectoryHandle, timeout_s: float) -> None:
        self.actor = actor
        self.timeout_s = timeout_s

    async def call(self, call: Callable[[DirectoryHandle], Awaitable[T]], timeout_s: float | None = None) -> T:
        """The result of *call*, within *timeout_s* if given.

        Raises:
            DirectoryUnreachable: there was none in time.
            RuntimeClosed: the directory ended with its namespace.
            RayconteurError: as it was raised there.
        """
        timeout_s = timeout_s or self.timeout_s
        try:
            return await result_within(timeout_s, lambda: call(self.actor), "the directory")
        except DirectoryUnreachable:
            raise  # the directory itself says what it waits for
        except Unreachable:
            raise DirectoryUnreachable(
                f"the directory of the namespace did not answer within {timeout_s:g} s; it is being restarted, or "
                "stopped: try again later"
            ) from None
        except ActorDead:
            raise RuntimeClosed("the namespace was shut down; enter a runtime again") from None

    async def check_in(self) -> str:
        """The id of the directory.

        Raises:
            IncompatibleNamespace: the namespace has another version of this package than this process.
        """
        return await self.call(lambda actor: actor.check_in.remote(package_version()))

    async def page(self, after: str, limit: int) -> SessionPage:
        """The first *limit* sessions after *after*."""
        return await self.call(lambda actor: actor.page.remote(after, limit))

    async def running(self, session_ids: list[str]) -> dict[str, int]:
        """Those of the sessions that are on an actor, with their epochs."""
        return await self.call(lambda actor: actor.running.remote(session_ids))

    async def abandon(self, request: ClaimRequest) -> None:
        """Undo a claim whose answer was lost."""
        await self.call(lambda actor: actor.abandon.remote(request))

    async def release(self, sessions: dict[str, int], host_id: str) -> None:
        """Free the ids of sessions of a host."""
        await self.call(lambda actor: actor.release.remote(sessions, host_id))

    async def gone_hosts(self, host_ids: list[str]) -> list[str]:
        """Those of the hosts that have ended."""
        return await self.call(lambda actor: actor.gone_hosts.remote(host_ids))

    async def death_reason(self, session_id: str, epoch: int, host_id: str) -> DeathReason | None:
        """Why the session's host died, if the session died with it."""
        return await self.call(lambda actor: actor.death_reason.remote(session_id, epoch, host_id))
