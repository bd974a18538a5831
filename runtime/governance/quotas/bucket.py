"""A token bucket that keeps a limit in every period: what is left of it."""

_SLACK = 1e-9
"""For the rounding of sums."""

_HEADROOM = 0.04
"""The part of a limit that a steady load leaves: requests are late by different times, and what they use is known only
at their end."""

_SLOTS = 50
"""A period is counted in so many slots. What was taken in one counts until all of it is a period ago."""


class Bucket:
    """What may be taken of *limit* per *period_s*. The times, in seconds, are of any clock that only goes forward.

    A share *burst* of the limit is there at once, and the limit becomes available evenly over the period; but in no
    period is more than the limit taken. What is not taken in time, because nobody asked for it or a process was late,
    may be taken later, up to the burst. An amount larger than the burst may be taken from a full bucket.
    """

    __slots__ = ("_at", "_slot_s", "_slots", "capacity", "level", "limit", "period_s", "rate", "used")

    def __init__(self, limit: float, period_s: float, burst: float, now: float, *, full: bool = True) -> None:
        self.limit = limit
        self.period_s = period_s
        self.capacity = max(1.0, burst * limit)
        self.rate = limit * (1 - _HEADROOM) / period_s
        self.level = self.capacity if full else 0.0
        self.used = 0.0
        self._at = now
        self._slot_s = period_s / _SLOTS
        self._slots: dict[int, float] = {}  # what was taken in each, the oldest first

    def wait_s(self, amount: float, now: float) -> float:
        """In how many seconds *amount* may be taken, if nothing else is; 0 is now."""
        self._refill(now)
        lacking = min(amount, self.capacity) - self.level
        wait_s = lacking / self.rate if lacking > _SLACK else 0.0
        return max(wait_s, self._window_wait_s(amount, now))

    def take(self, amount: float) -> None:
        """Take *amount*, as of the last time that was given. What is not there is owed."""
        self.level -= amount
        index = int(self._at / self._slot_s)
        self._slots[index] = self._slots.get(index, 0.0) + amount
        self.used += amount

    def correct(self, amount: float, taken_at: float) -> None:
        """What was taken at *taken_at* has used *amount* more, or less, which is there again."""
        self.level = min(self.capacity, self.level - amount)
        index = int(taken_at / self._slot_s)
        if index in self._slots:
            self._slots[index] += amount
            self.used += amount

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
        return self.level >= self.capacity and not self._slots

    def _refill(self, now: float) -> None:
        if now > self._at:
            self.level = min(self.capacity, self.level + (now - self._at) * self.rate)
            self._at = now
            while self._slots and self._ends_at(index := next(iter(self._slots))) <= now:
                self.used -= self._slots.pop(index)

    def _ends_at(self, index: int) -> float:
        """When what was taken in a slot no longer counts."""
        return (index + 1) * self._slot_s + self.period_s

    def _window_wait_s(self, amount: float, now: float) -> float:
        """When so much is no longer counted that *amount* is within the limit."""
        excess = self.used + min(amount, self.limit) - self.limit
        wait_s = 0.0
        for index, taken in self._slots.items():
            if excess <= _SLACK:
                break
            excess -= taken
            wait_s = self._ends_at(index) - now
        return wait_s
