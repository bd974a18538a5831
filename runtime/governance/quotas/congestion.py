"""How many requests may be in flight while a provider is overloaded."""

import math


class Congestion:
    """A window for the requests in flight: additive increase, multiplicative decrease (Chiu and Jain, 1989; TCP).

    It is open until the provider is overloaded for the first time.
    """

    __slots__ = ("_decreased_at", "window")

    def __init__(self) -> None:
        self.window = math.inf
        self._decreased_at = -math.inf

    def overloaded(self, sent_at: float, in_flight: int, now: float) -> None:
        """A request that was sent at *sent_at* was turned down, one of so many *in_flight*.

        Of those that were sent before the window was halved, none halves it again: they say nothing about the new one.
        """
        if sent_at > self._decreased_at:
            self.window = max(1.0, min(self.window, float(in_flight)) / 2)
            self._decreased_at = now

    def answered(self, in_flight: int) -> None:
        """A request was answered. A window that is used up grows by one when so many requests were answered."""
        if in_flight + 1 >= self.window:
            self.window += 1 / self.window

    def has_room(self, in_flight: int) -> bool:
        """True if one more may be sent."""
        return in_flight < math.floor(self.window) if self.window < math.inf else True
