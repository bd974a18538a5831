"""History compaction: the strategies that a session's config can name, and the report of what one did."""

from .config import Compaction, DropImages, DropThinking, Layered, Report, Summarize, Threshold, Window

__all__ = ["Compaction", "DropImages", "DropThinking", "Layered", "Report", "Summarize", "Threshold", "Window"]
