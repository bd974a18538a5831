"""The names of actors in Ray. That of a session actor says which driver started it, and for which session, if for one.

An actor that was started before it was needed, or for many sessions, does not say which it has.

Ray keeps the name of an actor that has crashed as long as anybody holds its handle, so no name is used twice.
"""

import uuid
from enum import StrEnum

DIRECTORY = "_directory"
JOURNAL = "_journal"
_QUOTAS = "_quotas"
_TOOLS = "_tools"


class HostKind(StrEnum):
    """What a session actor was started for."""

    DEDICATED = "_session"
    PACKED = "_host"
    WARM = "_warm"


def new_host_name(kind: HostKind, driver_id: str, session_id: str = "") -> str:
    """A new name for a session actor of a driver, which is started for the session of that id, if one is given."""
    name = f"{kind}-{driver_id}-{uuid.uuid4().hex[:12]}"
    return f"{name}-{session_id}" if session_id else name


def session_of(name: str) -> str:
    """The id of the session for which the session actor of that name was started; nothing if it is for any."""
    return "".join(name.split("-", 3)[3:])


def is_host(name: str) -> bool:
    """True if it is the name of a session actor."""
    return name.partition("-")[0] in tuple(HostKind)


def is_warm(name: str) -> bool:
    """True if it is the name of a session actor that was started before it was needed."""
    return name.partition("-")[0] == HostKind.WARM


def is_packed(name: str) -> bool:
    """True if it is the name of a session actor for many sessions."""
    return name.partition("-")[0] == HostKind.PACKED


def belongs_to(driver_id: str, name: str) -> bool:
    """True if it is the name of a session actor that the driver started."""
    return is_host(name) and driver_of(name) == driver_id


def driver_of(name: str) -> str:
    """The driver that started the session actor of that name."""
    return name.split("-")[1]


def router_name(number: int) -> str:
    """The name of a router."""
    return f"_router-{number}"


def quotas_name(number: int) -> str:
    """The name of a quota broker."""
    return f"{_QUOTAS}-{number}"


def is_quotas(name: str) -> bool:
    """True if it is the name of a quota broker."""
    return name.startswith(f"{_QUOTAS}-")


def tools_name(driver_id: str) -> str:
    """The name of the actor that runs the tools of a program's sessions on Ray."""
    return f"{_TOOLS}-{driver_id}"


def is_tools(name: str) -> bool:
    """True if it is the name of an actor that runs tools."""
    return name.startswith(f"{_TOOLS}-")


def is_ours(name: str) -> bool:
    """True if it is the name of an actor of this package."""
    is_shared = name in (DIRECTORY, JOURNAL) or name.startswith("_router-")
    return is_shared or is_quotas(name) or is_host(name) or is_tools(name)


def kind_of(name: str) -> str:
    """What has that name: a ``session``, ``host``, ``warm``, ``router``, ``directory``, ``journal``...."""
    return name.removeprefix("_").partition("-")[0]
