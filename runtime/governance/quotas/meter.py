"""What is used of the limits of one rule, by those who share them."""

from collections.abc import Callable, Mapping

import msgspec

from ...api.quotas.wait_reason import WaitReason
from .bucket import Bucket


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What a request uses, or is expected to use."""

    input_tokens: float
    output_tokens: float
    requests: float = 1.0

    @property
    def tokens(self) -> float:
        """Both together."""
        return self.input_tokens + self.output_tokens

    def times(self, count: int) -> "Cost":
        """What *count* of them use."""
        return Cost(self.input_tokens * count, self.output_tokens * count, self.requests * count)

    def minus(self, other: "Cost") -> "Cost":
        """The difference."""
        inputs, outputs = self.input_tokens - other.input_tokens, self.output_tokens - other.output_tokens
        return Cost(inputs, outputs, self.requests - other.requests)


_amounts: Mapping[str, Callable[[Cost], float]] = {
    "requests": lambda cost: cost.requests,
    "tokens": lambda cost: cost.tokens,
    "input_tokens": lambda cost: cost.input_tokens,
    "output_tokens": lambda cost: cost.output_tokens,
}


class Blocked(msgspec.Struct, frozen=True, gc=False):
    """Why a request has to wait, and for how many seconds at least; ``None`` is until another one ends."""

    reason: WaitReason
    wait_s: float | None


class Meter:
    """A bucket for each limit, and the requests in flight, of which there may be *concurrent*."""

    __slots__ = ("buckets", "claimed", "concurrent", "in_flight")

    def __init__(self, buckets: dict[str, Bucket], concurrent: int | None = None) -> None:
        self.buckets = buckets
        self.concurrent = concurrent
        self.in_flight = 0
        self.claimed = 0
        """In which dispatch somebody waited for it, the last time: who comes later must not take it first."""

    def blocked(self, cost: Cost, now: float) -> Blocked | None:
        """Why *cost* can't be taken now; ``None`` if it can."""
        if self.concurrent is not None and self.in_flight >= self.concurrent:
            return Blocked(WaitReason.CONCURRENCY, None)
        worst: Blocked | None = None
        for kind, bucket in self.buckets.items():
            wait_s = bucket.wait_s(_amounts[kind](cost), now)
            if wait_s and (worst is None or wait_s > (worst.wait_s or 0.0)):
                worst = Blocked(WaitReason(kind), wait_s)
        return worst

    def has_spare(self, cost: Cost, now: float) -> bool:
        """True if there is enough of everything that *cost* may be set aside."""
        if self.concurrent is not None and self.in_flight + cost.requests > self.concurrent / 2:
            return False
        return all(bucket.has_spare(_amounts[kind](cost), now) for kind, bucket in self.buckets.items())

    def is_idle(self, now: float) -> bool:
        """True if nothing of it is used."""
        return not self.in_flight and all(bucket.is_full(now) for bucket in self.buckets.values())

    def take(self, cost: Cost, count: int = 1) -> None:
        """Take *cost*, that of *count* requests in flight."""
        self.in_flight += count
        for kind, bucket in self.buckets.items():
            bucket.take(_amounts[kind](cost))

    def settle(self, difference: Cost, taken_at: float) -> None:
        """*difference* was used more than was taken at *taken_at*; what is negative is available again."""
        for kind, bucket in self.buckets.items():
            if amount := _amounts[kind](difference):
                bucket.correct(amount, taken_at)

    def leave(self, count: int = 1) -> None:
        """So many requests are no longer in flight."""
        self.in_flight -= count

    def expected_wait_s(self, reason: WaitReason, cost: Cost, ahead: int, now: float) -> float:
        """How long the last of *ahead* + 1 requests waits for *reason*, if each has *cost*."""
        bucket = self.buckets.get(reason)
        if bucket is None:
            return 0.0
        amount = _amounts[reason](cost)
        return bucket.wait_s(amount, now) + ahead * amount / bucket.rate
