"""The API for scripts without asyncio: the names of the async one, with calls that wait."""

from rayconteur.runtime.driver.blocking import Reader, Reply, Runtime, RunTool, SessionHandle

__all__ = ["Reader", "Reply", "RunTool", "Runtime", "SessionHandle"]
