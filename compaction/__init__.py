"""History compaction: the strategies that a session's config can name, and the report of what a compaction did."""

from typing import TYPE_CHECKING

from ..providers.lazy_names import LazyNames

if TYPE_CHECKING:
    from .compaction_run import compact
    from .config import Compaction, Layered
    from .estimate.estimator import Estimator
    from .job import CompactionJob, SideRequest
    from .report import CompactionReport, CompactionResult
    from .strategies.custom import CompactionStrategy, Custom, Room
    from .strategies.images import DropImages
    from .strategies.native import NativeCompaction
    from .strategies.summarize import Summarize
    from .strategies.thinking import DropThinking
    from .strategies.tool_results import Threshold
    from .strategies.window import Window

_names = LazyNames(
    __name__,
    {
        ".compaction_run": "compact",
        ".config": "Compaction Layered",
        ".estimate.estimator": "Estimator",
        ".job": "CompactionJob SideRequest",
        ".report": "CompactionReport CompactionResult",
        ".strategies.custom": "CompactionStrategy Custom Room",
        ".strategies.images": "DropImages",
        ".strategies.native": "NativeCompaction",
        ".strategies.summarize": "Summarize",
        ".strategies.thinking": "DropThinking",
        ".strategies.tool_results": "Threshold",
        ".strategies.window": "Window",
    },
)


def __getattr__(name: str) -> object:
    return _names(name)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Compaction",
    "CompactionJob",
    "CompactionReport",
    "CompactionResult",
    "CompactionStrategy",
    "Custom",
    "DropImages",
    "DropThinking",
    "Estimator",
    "Layered",
    "NativeCompaction",
    "Room",
    "SideRequest",
    "Summarize",
    "Threshold",
    "Window",
    "compact",
]
