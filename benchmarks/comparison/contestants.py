"""Where crowds are compared: on this machine, a process each, or spread over a cluster."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from ..adapters.adapter import Site
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options
from .rounds_by_contestant import LIMIT, Party, contest

_EVERYWHERE = ("packed", LIMIT)
"""Who can be spread over nodes."""


class Arena(msgspec.Struct, frozen=True):
    """Crowds called *names*, and a load server of *pace* for them, whose answers have so many *tokens*."""

    names: Sequence[str]
    tokens: int
    pace: Pace = Pace()


def cluster_of(options: Options) -> str | None:
    """The address of the cluster to join."""
    return options.address or os.environ.get("RAY_ADDRESS")


@asynccontextmanager
async def held(arena: Arena, address: str | None) -> AsyncGenerator[dict[str, Party]]:
    """Its crowds by their names, until it is left. On the cluster at *address* there are only ours and the limit."""
    if address is None:
        with load_server(arena.pace) as url:
            async with contest({name: Site(url, arena.tokens) for name in arena.names}) as sides:
                yield {**sides}
        return
    from .cluster_contestant import spread  # Ray takes a second to import

    names = [name for name in arena.names if name in _EVERYWHERE]
    async with spread(names, Site("", arena.tokens, address), arena.pace) as sides:
        yield sides
