"""The blocking API, for scripts without asyncio: the same names as the async API, with calls that block."""

from rayconteur.runtime.driver.blocking import Runtime, SessionHandle
from rayconteur.runtime.driver.blocking_reader import Reader
from rayconteur.runtime.driver.blocking_reply import Reply, RunTool, TypedReply

__all__ = ["Reader", "Reply", "RunTool", "Runtime", "SessionHandle", "TypedReply"]
