"""The tool as a task of Ray, as one writes it by hand."""

from collections.abc import Awaitable
from typing import Any, cast

from .adapter import AdapterConfig
from .tool import RESULT


class RayTool:
    """Joins Ray, and runs the tool as a task there."""

    def __init__(self, config: AdapterConfig) -> None:
        self._address = config.address
        self._joined = False
        self._task: Any = None

    async def open(self) -> None:
        """Join Ray, if this process has not; it takes a second to import."""
        if self._task is not None:
            return
        import ray

        from ..system import shared_ray
        from ..system.ray_cluster import init_ray

        self._joined = not ray.is_initialized()
        if self._joined:
            init_ray(self._address or shared_ray.join())

        def look_around(place: str, how_often: int) -> str:
            del place, how_often
            return RESULT

        self._task = cast(Any, ray.remote(max_retries=0))(look_around)

    async def run(self, arguments: dict[str, Any]) -> str:
        """The result of the task."""
        return await cast("Awaitable[str]", self._task.remote(**arguments))

    def close(self) -> None:
        """Leave Ray if it was joined here."""
        self._task = None
        if self._joined:
            import ray

            self._joined = False
            ray.shutdown()
