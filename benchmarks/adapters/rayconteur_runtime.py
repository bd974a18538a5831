"""This runtime: a driver that reads each session with ``ask``."""

import asyncio
from typing import Literal

import rayconteur as rc
from rayconteur.runtime import Placement

from ..load.answers import ANTHROPIC
from ..system import shared_ray as own_ray
from ..system.ray_cluster import NAMESPACE
from .adapter import Hear, Site

_ROOM = 1_000_000


class Ours:
    """Sessions of one runtime, in one *placement*."""

    def __init__(self, site: Site, placement: Placement) -> None:
        options = rc.RuntimeOptions(namespace=NAMESPACE, num_cpus=own_ray.CPUS, routers=site.routers)
        self._runtime = rc.Runtime(site.address or own_ray.join(), placement, options=options)
        provider = rc.Anthropic(model=ANTHROPIC.model, api_key="none-needed", base_url=site.url)
        self._config = rc.SessionConfig(provider=provider, max_output_tokens=site.tokens)
        self._inside = False
        self._sessions: list[rc.SessionHandle] = []

    async def open(self, sessions: int) -> None:
        """Spawn them; those before are closed."""
        if not self._inside:
            await self._runtime.__aenter__()
            self._inside = True
        await asyncio.gather(*(session.close() for session in self._sessions))
        self._sessions = await self._runtime.spawn_many(self._config, sessions)

    async def ask(self, session: int, hear: Hear) -> None:
        """Iterate over the events of a turn."""
        async for event in self._sessions[session].ask("Hi"):
            match event:
                case rc.TextChunk(text=text):
                    hear(text)
                case rc.Failed(message=message):
                    raise RuntimeError(message)
                case _:
                    pass

    async def forget(self, session: int) -> None:
        """``clear``."""
        await self._sessions[session].clear()

    async def close(self) -> None:
        """Leave the runtime, and with it the Ray that it started."""
        if self._inside:
            self._inside = False
            await self._runtime.__aexit__(None, None, None)


def ours(placement: Literal["packed", "dedicated"], site: Site) -> Ours:
    """Sessions of a runtime of their own: all in one actor, or each in its own."""
    return Ours(site, rc.Packed(sessions_per_actor=_ROOM) if placement == "packed" else rc.Dedicated())
