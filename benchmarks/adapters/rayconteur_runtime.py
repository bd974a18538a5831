"""This runtime: a driver that reads each session with ``ask``."""

import asyncio
from typing import Literal

import rayconteur as rc
from rayconteur.runtime import NoJournal, RayTask, SQLiteJournalConfig

from ..load.answers import ANTHROPIC
from ..system import shared_ray
from ..system.ray_cluster import NAMESPACE, ONE_ACTOR
from .adapter import AdapterConfig, OnText
from .tool import look_around

_TOOLS: dict[str, tuple[rc.Tool, ...]] = {
    "none": (),
    "in the program": (rc.tool(look_around),),
    "on Ray": (rc.tool(runs=RayTask())(look_around),),
}


class RayconteurAdapter:
    """Sessions of one runtime: all in one actor, or each in its own."""

    def __init__(self, config: AdapterConfig, placement: Literal["packed", "dedicated"]) -> None:
        journal = SQLiteJournalConfig() if config.durable else NoJournal()
        options = rc.RuntimeOptions(
            namespace=NAMESPACE, num_cpus=shared_ray.CPUS, routers=config.routers, journal=journal
        )
        self._runtime = rc.Runtime(
            config.address or shared_ray.join(),
            ONE_ACTOR if placement == "packed" else rc.Dedicated(),
            options=options,
        )
        provider = rc.Anthropic(model=ANTHROPIC.model, api_key="none-needed", base_url=config.url)
        self._config = rc.SessionConfig(provider=provider, max_output_tokens=config.tokens, tools=_TOOLS[config.tool])
        self._entered = False
        self._sessions: list[rc.SessionHandle] = []

    async def open(self, sessions: int) -> None:
        """Close the sessions there are, and spawn new ones."""
        if not self._entered:
            await self._runtime.__aenter__()
            self._entered = True
        await asyncio.gather(*(session.close() for session in self._sessions))
        self._sessions = await self._runtime.spawn_many(self._config, sessions)

    async def ask(self, session: int, on_text: OnText) -> None:
        """Iterate over the events of a turn."""
        async for event in self._sessions[session].ask("Hi"):
            match event:
                case rc.TextChunk(text=text):
                    on_text(text)
                case rc.Failed(message=message):
                    raise RuntimeError(message)
                case _:
                    pass

    async def reset(self, session: int) -> None:
        """Clear the history."""
        await self._sessions[session].clear()

    async def close(self) -> None:
        """Leave the runtime, and with it the Ray that it started."""
        if self._entered:
            self._entered = False
            await self._runtime.__aexit__(None, None, None)
