"""How a runtime sets up its part of a cluster."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from ...providers.schema.errors import InvalidConfig
from ...providers.schema.request import Positive

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


class RouterLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one router holds at most, oldest out first: events of one session, of all, and sessions that have ended.

    *poll_bytes* bounds what a driver is handed at once. A driver that did not ask for *idle_driver_s* is forgotten.
    """

    session_bytes: Positive = 8 << 20
    total_bytes: Positive = 512 << 20
    ended_sessions: Positive = 10_000
    poll_bytes: Positive = 4 << 20
    idle_driver_s: Annotated[float, Meta(gt=0)] = 120.0


class RuntimeOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Runtimes with the same *namespace* on a cluster see each other's sessions.

    *routers* and *router_limits* hold for the first of them. With *detached*, sessions and routers live on when the
    program ends. *num_cpus* and *quiet* (no worker output on this terminal) are for a Ray that is started here.
    *reader_bytes* is what a reader holds before it lets go.
    """

    namespace: str = "rayconteur"
    routers: Positive = 1
    router_limits: RouterLimits = RouterLimits()
    detached: bool = False
    num_cpus: Positive | None = None
    quiet: bool = True
    reader_bytes: Positive = 4 << 20


def checked_id(session_id: object) -> str:
    """*session_id*, if it is one.

    Raises:
        InvalidConfig: it is not.
    """
    if not isinstance(session_id, str) or not _ID.fullmatch(session_id):
        raise InvalidConfig(
            "session_id", f"{session_id!r} is no id: 1 to 128 letters, digits and . _ : @ -, a letter or digit first"
        )
    return session_id
