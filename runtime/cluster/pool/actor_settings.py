"""What a session actor is started with."""

import msgspec

from ..actor_logs import Logged
from ..journal.client import JournalRef
from ..quotas.client import QuotasRef
from ..tools.outliving import ToolsRef


class SessionActorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a session actor is started with: the *namespace* in which it has the name of its host.

    A *dedicated* actor is retired from the start: it exits with its only session. It loads *provider*, the name of one,
    before it is ready. It logs as *logged*. *journal* and *quotas* are those of the namespace, if it has them. *tools*
    runs those on Ray, if sessions outlive the actor. Sessions leave memory when they have been idle for
    *passivate_after_s*, where their config does not say so.
    """

    namespace: str
    dedicated: bool
    provider: str | None
    ports: tuple[int, int] | None
    history_bytes: int
    call_timeout_s: float
    logged: Logged = Logged()
    journal: JournalRef | None = None
    quotas: QuotasRef | None = None
    tools: ToolsRef | None = None
    passivate_after_s: float | None = None
