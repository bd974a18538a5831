"""The blocking API, for scripts without asyncio: the same names as the async API, with calls that block."""

from rayconteur.runtime.driver.blocking.catalog import Catalog
from rayconteur.runtime.driver.blocking.reader import Reader
from rayconteur.runtime.driver.blocking.reply import Reply, RunTool, TypedReply
from rayconteur.runtime.driver.blocking.runtime import Runtime
from rayconteur.runtime.driver.blocking.session_handle import SessionHandle
from rayconteur.runtime.driver.blocking.stored_session import StoredSession

__all__ = ["Catalog", "Reader", "Reply", "RunTool", "Runtime", "SessionHandle", "StoredSession", "TypedReply"]
