"""What a host was admitted in advance, and has not used yet."""

import math

from .messages import Lane

LEASE_S = 1.0
"""How long a host may keep what it does not use."""
_MAX_LEASE = 32
_MAX_RATIO = 2
"""A lease is for requests of a size; those of up to twice that may use it: the difference is settled."""


class _Lease:
    __slots__ = ("expires_at", "input_tokens", "left", "number")

    def __init__(self, number: int, left: int, input_tokens: int, expires_at: float) -> None:
        self.number, self.left, self.input_tokens, self.expires_at = number, left, input_tokens, expires_at


class Leases:
    """The leases of a host, by lane. Times are in seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._leases: dict[Lane, list[_Lease]] = {}
        self._rates: dict[Lane, tuple[float, float]] = {}  # requests in about the last second, and as of when

    def wanted(self, lane: Lane, now: float) -> int:
        """How many requests to ask for in advance: as many as there were lately. Counts one more."""
        count, at = self._rates.get(lane, (0.0, now))
        count *= math.exp(at - now)
        self._rates[lane] = count + 1.0, now
        return min(_MAX_LEASE, int(count))

    def put(self, lane: Lane, number: int, count: int, input_tokens: int, now: float) -> None:
        """Grant *number* has *count* requests in advance, of about *input_tokens* each."""
        self._leases.setdefault(lane, []).append(_Lease(number, count, input_tokens, now + LEASE_S))

    def take(self, lane: Lane, input_tokens: int, now: float) -> int | None:
        """The number of the grant that admits a request of *input_tokens* now; ``None`` if there is none."""
        for lease in self._leases.get(lane, ()):
            if lease.expires_at > now and input_tokens <= lease.input_tokens * _MAX_RATIO:
                lease.left -= 1
                if not lease.left:
                    self._remove(lane, lease)
                return lease.number
        return None

    def expired(self, now: float) -> list[tuple[int, int]]:
        """Take out what has expired: the numbers of the grants, and how many of each were not used."""
        late = [(lane, lease) for lane, each in self._leases.items() for lease in each if lease.expires_at <= now]
        for lane, lease in late:
            self._remove(lane, lease)
        if not self._leases:
            self._rates = {lane: rate for lane, rate in self._rates.items() if now - rate[1] < 10 * LEASE_S}
        return [(lease.number, lease.left) for _, lease in late]

    @property
    def expires_at(self) -> float | None:
        """When the next one expires."""
        return min((lease.expires_at for each in self._leases.values() for lease in each), default=None)

    def _remove(self, lane: Lane, lease: _Lease) -> None:
        self._leases[lane].remove(lease)
        if not self._leases[lane]:
            del self._leases[lane]
