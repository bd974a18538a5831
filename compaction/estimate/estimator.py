"""Tokens where nobody reported any."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...providers.schema.messages import Message
from ...providers.schema.request import Settings
from .sizes import Sizes, of_message, of_settings

BYTES_PER_TOKEN = 4
"""About what English text and JSON come to with today's tokenizers."""

# What a tokenizer may be off from the usual, as a factor for each kind, and what a provider may put on top.
_LEAST_FACTOR, _MOST_FACTOR = 0.5, 2.0
_MOST_FIXED = 2_000.0
# How far these are off at first, and how far at least: what a session talks of may change.
_FACTOR_VARIANCE, _LEAST_FACTOR_VARIANCE = 0.25**2, 0.03**2
_FIXED_VARIANCE, _LEAST_FIXED_VARIANCE = 100.0**2, 5.0**2
_NOISE_SHARE, _NOISE_TOKENS = 0.05, 10.0
_MOST_SIGMAS = 2.0
_BELIEVABLE = 3.0


def tokens_in(size_bytes: int) -> int:
    """An estimate of the tokens in *size_bytes* of UTF-8 text or JSON."""
    return -(-size_bytes // BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Learned:
    """What the usual sizes are to be multiplied with, kind by kind, and what comes on top of each request.

    Each has its variance: how far it may still be off.
    """

    factors: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    fixed: float = 0.0
    factor_variances: tuple[float, ...] = (_FACTOR_VARIANCE,) * 4
    fixed_variance: float = _FIXED_VARIANCE

    def tokens(self, sizes: Sizes) -> float:
        """What *sizes* come to, without what comes on top of a request."""
        of_prose, of_code, of_other, of_media = self.factors
        prose, code, other, media, fixed = sizes
        return of_prose * prose + of_code * code + of_other * other + of_media * media + fixed

    def after(self, sizes: Sizes, reported_tokens: int) -> "Learned":
        """What is known when a request of *sizes* turned out to have *reported_tokens*.

        A Kalman filter whose errors are independent: each kind takes its part of the surprise, the more the larger
        its share and the less is known of it. What can't be believed (a figure without the tokens from a cache, say)
        is passed over, and of a great surprise only a part counts.
        """
        expected = self.tokens(sizes) + self.fixed
        if not expected / _BELIEVABLE <= reported_tokens <= expected * _BELIEVABLE + _MOST_FIXED:
            return self
        noise = (_NOISE_SHARE * reported_tokens) ** 2 + _NOISE_TOKENS**2
        parts = [size * variance for size, variance in zip(sizes[:4], self.factor_variances, strict=True)]
        spread = sum(size * part for size, part in zip(sizes[:4], parts, strict=True)) + self.fixed_variance + noise
        most = _MOST_SIGMAS * math.sqrt(spread)
        surprise = max(-most, min(most, reported_tokens - expected)) / spread
        return Learned(
            tuple(_within(factor + part * surprise) for factor, part in zip(self.factors, parts, strict=True)),
            max(-_MOST_FIXED, min(_MOST_FIXED, self.fixed + self.fixed_variance * surprise)),
            tuple(
                max(_LEAST_FACTOR_VARIANCE, variance - part * part / spread)
                for variance, part in zip(self.factor_variances, parts, strict=True)
            ),
            max(_LEAST_FIXED_VARIANCE, self.fixed_variance - self.fixed_variance**2 / spread),
        )


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates the tokens of what is not sent yet. *provider* is the name of the one it goes to.

    It begins with what is usual, and learns from what is reported. Two that learned the same are equal.
    """

    provider: str = ""
    learned_so_far: Learned = field(default_factory=Learned)
    # The sizes of the messages in the last request: the next one begins with them, mostly.
    _counted: tuple[tuple[Message, ...], Sizes] = field(default=((), Sizes()), compare=False, repr=False)

    def tokens(self, message: Message) -> int:
        """The tokens of *message*."""
        return math.ceil(self.learned_so_far.tokens(of_message(message, self.provider)))

    def tokens_of_settings(self, settings: Settings) -> int:
        """The tokens of all that a request has besides its messages."""
        sizes = of_settings(settings, self.provider)
        return max(0, math.ceil(self.learned_so_far.tokens(sizes) + self.learned_so_far.fixed))

    def learned(self, messages: Sequence[Message], settings: Settings, reported_input_tokens: int) -> "Estimator":
        """One that knows that a request with *messages* and *settings* had *reported_input_tokens*, all of them.

        That includes those read from a cache. It costs what is new in *messages* since the last time. Figures far from
        the expected are not believed.
        """
        counted = self._count(tuple(messages))
        sizes = counted[1].plus(of_settings(settings, self.provider))
        return replace(self, learned_so_far=self.learned_so_far.after(sizes, reported_input_tokens), _counted=counted)

    def _count(self, messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], Sizes]:
        known, sizes = self._counted
        if messages[: len(known)] != known:  # the same objects are equal without a look at them
            known, sizes = (), Sizes()
        for message in messages[len(known) :]:
            sizes = sizes.plus(of_message(message, self.provider))
        return messages, sizes


def _within(factor: float) -> float:
    return max(_LEAST_FACTOR, min(_MOST_FACTOR, factor))
