"""The transport from a process to a router: over a stream to where a Ray call says that the router listens."""

from collections.abc import Generator
from contextlib import contextmanager

from ..api.errors import RuntimeClosed
from ..events.segments import FoundEnds
from ..events.stream_transport import StreamTransport
from ..events.transport import RouterGone
from ..streams.channel import Channel
from ..streams.endpoint import Endpoint
from .directory.client import DirectoryClient
from .ray_calls import START_S, node_id, result_within, tls
from .ray_errors import ActorDead
from .router_actor import RouterHandle


def transport_to(router: RouterHandle, directory: DirectoryClient, caller_id: str) -> StreamTransport:
    """The transport of the driver or host *caller_id* to *router*."""

    async def locate() -> Endpoint:
        with _translate_errors():
            return await result_within(START_S, router.endpoint.remote, "a router")

    async def find_ended(sessions: dict[str, int]) -> FoundEnds:
        with _translate_errors():
            return await directory.call(lambda actor: actor.ended.remote(sessions))

    return StreamTransport(Channel(locate, caller_id, node_id(), tls()), find_ended)


@contextmanager
def _translate_errors() -> Generator[None]:
    try:
        yield
    except (ActorDead, RuntimeClosed):
        raise RouterGone from None
