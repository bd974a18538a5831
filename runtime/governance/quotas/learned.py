"""What is learned of a model from its answers: how long they are, and how much of the input counts."""

from bisect import bisect_left, insort
from collections import deque

_KEPT = 200
_FIRST_OUTPUT_TOKENS = 512
"""Reserved for the output before an answer was seen: about what half of all answers in chats have at most."""
_WEIGHT = 0.1
_MAX_SHARE = 2.0


class LearnedModel:
    """The last answers of a model.

    Of the output the *quantile* is reserved: the maximum that a request allows would exhaust a budget of which nothing
    is spent, as most answers have a small part of it.
    """

    __slots__ = ("_order", "_quantile", "_share", "_sorted")

    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._order: deque[int] = deque()
        self._sorted: list[int] = []
        self._share = 1.0

    def output_tokens(self, max_tokens: int | None) -> int:
        """What to reserve for the output of a request that allows *max_tokens*."""
        known = self._sorted
        tokens = known[min(len(known) - 1, int(self._quantile * len(known)))] if known else _FIRST_OUTPUT_TOKENS
        return max(1, tokens if max_tokens is None else min(tokens, max_tokens))

    def input_tokens(self, estimated: int) -> int:
        """What to reserve for an input of *estimated* tokens: what the provider counts of it."""
        return max(1, round(estimated * self._share))

    def answered(self, estimated_input: int, counted_input: int | None, output: int) -> None:
        """An answer has *output* tokens; of the input, *counted_input* count against limits, if that is known."""
        if counted_input is not None and estimated_input > 0:
            share = min(_MAX_SHARE, counted_input / estimated_input)
            self._share += _WEIGHT * (share - self._share)
        self._order.append(output)
        insort(self._sorted, output)
        if len(self._order) > _KEPT:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
