"""History compaction: the strategies that a session's config can name, and the report of what a compaction did."""

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
