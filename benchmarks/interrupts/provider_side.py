"""The provider's side: load servers of several paces, and an address where connecting takes forever."""

import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

from ..load.process import load_process
from ..load.reports import Reports
from .phases import NOT_LISTENING, PACES

_LOOPBACK = "127.0.0.1"
_MORE_THAN_FIT = 4
"""The kernel keeps one or two connections for a server that accepts none."""


@asynccontextmanager
async def provider_side() -> AsyncGenerator[tuple[dict[str, str], Reports]]:
    """The addresses of the servers by name, and what they report."""
    reports, urls = Reports(), dict[str, str]()
    async with AsyncExitStack() as stack:
        for name, pace in PACES.items():
            server = stack.enter_context(load_process(pace, reports=True))
            await stack.enter_async_context(reports.reading(server.output))
            urls[name] = server.url
        urls[NOT_LISTENING] = stack.enter_context(not_listening())
        yield urls, reports


@contextmanager
def not_listening() -> Generator[str]:
    """An address that answers no attempt to connect, nor refuses it: the backlog of its server is full."""
    with socket.create_server((_LOOPBACK, 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(_MORE_THAN_FIT)]
        for each in waiting:
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(server.getsockname())
        try:
            yield f"http://{_LOOPBACK}:{server.getsockname()[1]}"
        finally:
            for each in waiting:
                each.close()
