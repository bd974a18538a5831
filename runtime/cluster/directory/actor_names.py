"""The names of actors in Ray. The name of a session actor says which driver started it, never which sessions it has.

Ray keeps the name of an actor that has crashed as long as anybody holds its handle, so no name is used twice.
"""

import uuid
from enum import StrEnum

DIRECTORY = "_directory"
JOURNAL = "_journal"
QUOTAS = "_quotas"


class HostKind(StrEnum):
    """What a session actor was started for."""

    DEDICATED = "_session"
    PACKED = "_host"
    WARM = "_warm"


def new_host_name(kind: HostKind, driver_id: str) -> str:
    """A new name for a session actor of a driver."""
    return f"{kind}-{driver_id}-{uuid.uuid4().hex[:12]}"


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


def is_ours(name: str) -> bool:
    """True if it is the name of an actor of this package."""
    return name in (DIRECTORY, JOURNAL, QUOTAS) or is_host(name) or name.startswith("_router-")


def kind_of(name: str) -> str:
    """What has that name: a ``session``, ``host``, ``warm``, ``router``, ``directory``, ``journal`` or ``quotas``."""
    return name.removeprefix("_").partition("-")[0]
