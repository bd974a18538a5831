"""The transport from a process to a router: over a stream to where a Ray call says that the router listens."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from ..events.router_calls import EndedSessions
from ..events.stream_transport import StreamTransport
from ..events.transport import RouterGone
from ..streams.channel import Channel
from ..streams.endpoint import Endpoint
from .directory import DirectoryHandle
from .ray_calls import ActorDead, node_id, result_of, tls
from .router_actor import RouterHandle


def transport_to(router: RouterHandle, directory: DirectoryHandle, caller_id: str) -> StreamTransport:
    """The transport of the driver or host *caller_id* to *router*."""

    async def locate() -> Endpoint:
        with _translate_errors():
            return await result_of(router.endpoint.remote())

    async def find_ended(sessions: dict[str, int]) -> Sequence[EndedSessions]:
        with _translate_errors():
            return await directory.ended.remote(sessions)

    return StreamTransport(Channel(locate, caller_id, node_id(), tls()), find_ended)


@contextmanager
def _translate_errors() -> Generator[None]:
    try:
        yield
    except ActorDead:
        raise RouterGone from None
