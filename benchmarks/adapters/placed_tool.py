"""The tool in its place: in the program, or as a task of Ray, as one writes it by hand."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from . import tool
from .adapter import AdapterConfig


class PlacedTool:
    """The tool of a contestant, if *config* gives it one."""

    def __init__(self, config: AdapterConfig) -> None:
        self._on_ray = config.tool == "on Ray"
        self._address = config.address
        self._joined = False
        self._task: Any = None

    @property
    def function(self) -> Callable[[str, int], Awaitable[str]]:
        """What a framework takes as its tool."""
        return self.look_around if self._on_ray else tool.look_around

    async def open(self) -> None:
        """Join Ray if the tool runs there and this process has not joined it: it takes a second to import."""
        if not self._on_ray or self._task is not None:
            return
        import ray

        from ..system import shared_ray
        from ..system.ray_cluster import init_ray

        self._joined = not ray.is_initialized()
        if self._joined:
            init_ray(self._address or shared_ray.join())

        def look_around(place: str, how_often: int) -> str:
            del place, how_often
            return tool.RESULT

        self._task = cast(Any, ray.remote(max_retries=0))(look_around)

    async def look_around(self, place: str, how_often: int) -> str:
        """Look around at a place."""
        return await cast("Awaitable[str]", self._task.remote(place, how_often))

    def close(self) -> None:
        """Leave Ray if it was joined here."""
        self._task = None
        if self._joined:
            import ray

            self._joined = False
            ray.shutdown()
