"""A token bucket: what is left of a limit for a period."""

_SLACK = 1e-9
"""For the rounding of sums."""


class Bucket:
    """What may be taken of *limit* per *period_s*. The times, in seconds, are of any clock that only goes forward.

    In any period no more than the limit is taken, as long as no single amount is larger than the burst: what is there
    at once, and what becomes available during the period, come to the limit together. A larger amount may be taken when
    the bucket is full; what it lacks is owed.
    """

    __slots__ = ("_at", "capacity", "level", "limit", "rate")

    def __init__(self, limit: float, period_s: float, burst: float, now: float, *, full: bool = True) -> None:
        self.limit = limit
        self.capacity = max(1.0, burst * limit)
        self.rate = (limit + 1.0 - self.capacity) / period_s  # a whole one more would be taken after the period
        self.level = self.capacity if full else 0.0
        self._at = now

    def wait_s(self, amount: float, now: float) -> float:
        """In how many seconds *amount* may be taken, if nothing else is; 0 is now."""
        self._refill(now)
        lacking = min(amount, self.capacity) - self.level
        return lacking / self.rate if lacking > _SLACK else 0.0

    def take(self, amount: float) -> None:
        """Take *amount*. What is not there is owed."""
        self.level -= amount

    def give_back(self, amount: float) -> None:
        """Put back what was taken and not used."""
        self.level = min(self.capacity, self.level + amount)

    def empty(self) -> None:
        """The provider says that nothing is left."""
        self.level = min(self.level, 0.0)

    def cap(self, remaining: float, now: float) -> None:
        """The provider says that no more than *remaining* is left: others use the same account."""
        self._refill(now)
        self.level = min(self.level, remaining)

    def has_spare(self, amount: float, now: float) -> bool:
        """True if half of the burst is left after *amount* is taken."""
        self._refill(now)
        return self.level - amount >= self.capacity / 2

    def is_full(self, now: float) -> bool:
        """True if nothing is missing."""
        self._refill(now)
        return self.level >= self.capacity

    def _refill(self, now: float) -> None:
        if now > self._at:
            self.level = min(self.capacity, self.level + (now - self._at) * self.rate)
            self._at = now
