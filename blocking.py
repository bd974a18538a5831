"""The blocking API, for scripts without asyncio: the same names as the async API, with calls that block."""

from rayconteur.runtime.driver.blocking import Reader, Reply, Runtime, RunTool, SessionHandle

__all__ = ["Reader", "Reply", "RunTool", "Runtime", "SessionHandle"]
