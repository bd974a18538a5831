"""How a runtime sets up its part of a cluster."""

import re

import msgspec

from ..providers.errors import InvalidConfig
from ..providers.request import Positive
from .plane.shelf import RouterLimits

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


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
