"""Contestants: the systems of a comparison, each in its own process on this machine, or spread over a cluster."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import msgspec

from ..adapters.adapter import AdapterConfig
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options
from .contestant_process import contestant_process
from .workloads import Trial, Workload

_ON_CLUSTERS = ("packed", "bare")
"""The contestants that can be spread over nodes."""


class Contestant(Protocol):
    """A system that runs workloads, wherever its processes are."""

    @property
    def name(self) -> str:
        """The name of its adapter."""
        ...

    async def run(self, workload: Workload, last: bool = False) -> Trial:
        """Run *workload*. After its *last* one a contestant runs nothing more."""
        ...


class Lineup(msgspec.Struct, frozen=True):
    """The contestants *names*, all asking one load server of *pace* for answers of *tokens* tokens."""

    names: Sequence[str]
    tokens: int
    pace: Pace = Pace()


def cluster_address(options: Options) -> str | None:
    """The address of the cluster to join."""
    return options.address or os.environ.get("RAY_ADDRESS")


@asynccontextmanager
async def open_contestants(lineup: Lineup, address: str | None) -> AsyncGenerator[dict[str, Contestant]]:
    """The contestants by name. On the cluster at *address* only those that can be spread over nodes take part."""
    if address is None:
        with load_server(lineup.pace) as url:
            async with AsyncExitStack() as stack:
                config = AdapterConfig(url, lineup.tokens)
                yield {name: await stack.enter_async_context(contestant_process(name, config)) for name in lineup.names}
        return
    from .cluster_contestant import open_on_cluster  # Ray takes a second to import

    names = [name for name in lineup.names if name in _ON_CLUSTERS]
    async with open_on_cluster(names, AdapterConfig("", lineup.tokens, address), lineup.pace) as contestants:
        yield {**contestants}
