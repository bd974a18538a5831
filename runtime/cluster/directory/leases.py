"""The leases of drivers: which of them use a namespace. Pure: times are parameters, in seconds of any clock."""

from collections import OrderedDict

_MAX_LEFT = 10_000
"""How many drivers that have left it remembers, should something of theirs arrive late."""


class Leases:
    """A driver has a lease from ``expect`` until it leaves, or is without a connection for *grace_s*.

    Its connection ends with its process, whatever ends that; a driver that does not respond keeps it. What it sends
    may arrive twice or late: after it has left, nothing of it counts.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._connections: dict[str, object] = {}
        self._until: dict[str, float] = {}  # of drivers without a connection
        self._left: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, driver_id: str) -> bool:
        return driver_id in self._connections or driver_id in self._until

    def __len__(self) -> int:
        return len(self._connections) + len(self._until)

    def expect(self, driver_id: str, now: float) -> None:
        """A driver is about to connect."""
        if driver_id not in self._left and driver_id not in self:
            self._until[driver_id] = now + self._grace_s

    def connect(self, driver_id: str, connection: object) -> bool:
        """A driver has connected, or connected again. Returns false if it has left."""
        if driver_id in self._left:
            return False
        self._until.pop(driver_id, None)
        self._connections[driver_id] = connection
        return True

    def is_connected(self, driver_id: str, connection: object) -> bool:
        """True if that is the driver's connection."""
        return self._connections.get(driver_id) is connection

    def connection(self, driver_id: str) -> object | None:
        """The driver's connection, if it has one."""
        return self._connections.get(driver_id)

    def any_connection(self) -> object | None:
        """The connection of the driver that has had one for longest, if there is any."""
        return next(iter(self._connections.values()), None)

    def disconnect(self, driver_id: str, connection: object, now: float) -> None:
        """A connection is lost. Nothing happens if the driver has another one by now."""
        if self.is_connected(driver_id, connection):
            del self._connections[driver_id]
            self._until[driver_id] = now + self._grace_s

    def leave(self, driver_id: str) -> None:
        """A driver uses the namespace no longer."""
        self._connections.pop(driver_id, None)
        self._until.pop(driver_id, None)
        self._left[driver_id] = None
        if len(self._left) > _MAX_LEFT:
            self._left.popitem(last=False)

    def expire(self, now: float) -> list[str]:
        """End the leases that have run out. Returns whose they were; such a driver may connect again."""
        expired = [driver_id for driver_id, until in self._until.items() if until <= now]
        for driver_id in expired:
            del self._until[driver_id]
        return expired
