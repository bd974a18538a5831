"""Token estimates for what no provider has counted yet."""

import math
from collections.abc import Sequence
from functools import cache
from operator import mul
from typing import NamedTuple, Self

import msgspec

from ...providers.schema.checks.shown import short_repr
from ...providers.schema.messages import HistoryView, Message, unchanged_messages
from ...providers.schema.request import Settings
from .sizes import Sizes, message_sizes, settings_sizes

BYTES_PER_TOKEN = 4
"""About what English text and JSON come to with current tokenizers."""

# The bounds of the correction: a factor for each kind of content, and fixed tokens per request.
_MIN_FACTOR, _MAX_FACTOR = 0.5, 2.0
_MAX_FIXED_TOKENS = 2_000.0
# The variances at first, and the least ones: the topic of a session may change.
_FACTOR_VARIANCE, _MIN_FACTOR_VARIANCE = 0.25**2, 0.03**2
_FIXED_VARIANCE, _MIN_FIXED_VARIANCE = 100.0**2, 5.0**2
_NOISE_SHARE, _NOISE_TOKENS = 0.05, 10.0
_MAX_SIGMAS = 2.0
_MAX_PLAUSIBLE_RATIO = 3.0
_NO_SIZES = Sizes()


def tokens_in(size_bytes: int) -> int:
    """An estimate of the tokens in *size_bytes* of UTF-8 text or JSON."""
    return -(-size_bytes // BYTES_PER_TOKEN)


class Learned(msgspec.Struct, frozen=True, gc=False):
    """What a session learned from reported counts: a factor for each kind of content, and *fixed* tokens per request.

    Each has a variance: how far it may still be off.
    """

    factors: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    fixed: float = 0.0
    factor_variances: tuple[float, ...] = (_FACTOR_VARIANCE,) * 4
    fixed_variance: float = _FIXED_VARIANCE

    def tokens(self, sizes: Sizes) -> float:
        """The estimate for *sizes*, without the fixed tokens of a request."""
        prose_factor, code_factor, other_factor, media_factor = self.factors
        prose, code, other, media, fixed = sizes
        return prose_factor * prose + code_factor * code + other_factor * other + media_factor * media + fixed

    def after(self, sizes: Sizes, reported_tokens: int) -> "Learned":
        """What is known after a request of *sizes* was reported to have *reported_tokens*.

        This is a Kalman filter with independent errors: each kind takes a part of the difference, which grows with its
        share of the request and with its variance. Implausible figures (one that leaves out cached tokens, say) are
        ignored, and a large difference counts only up to two standard deviations.
        """
        expected = self.tokens(sizes) + self.fixed
        most = expected * _MAX_PLAUSIBLE_RATIO + _MAX_FIXED_TOKENS
        if not expected / _MAX_PLAUSIBLE_RATIO <= reported_tokens <= most:
            return self
        noise = (_NOISE_SHARE * reported_tokens) ** 2 + _NOISE_TOKENS**2
        covariances = list(map(mul, sizes, self.factor_variances))
        explained = sum(map(mul, sizes, covariances))
        variance = explained + self.fixed_variance + noise
        limit = _MAX_SIGMAS * math.sqrt(variance)
        gain = max(-limit, min(limit, reported_tokens - expected)) / variance
        return Learned(
            tuple([_bounded(factor + part * gain) for factor, part in zip(self.factors, covariances, strict=True)]),
            max(-_MAX_FIXED_TOKENS, min(_MAX_FIXED_TOKENS, self.fixed + self.fixed_variance * gain)),
            tuple(
                [
                    max(_MIN_FACTOR_VARIANCE, old - part * part / variance)
                    for old, part in zip(self.factor_variances, covariances, strict=True)
                ]
            ),
            max(_MIN_FIXED_VARIANCE, self.fixed_variance - self.fixed_variance**2 / variance),
        )


class RequestSizes(NamedTuple):
    """Our own count of a request: of its *messages*, and of its *settings*."""

    messages: Sizes
    settings: Sizes

    @property
    def tokens(self) -> int:
        """All of it, by the typical densities that no reported figure changes."""
        return math.ceil(sum(self.messages) + sum(self.settings))


class CountedMessages(NamedTuple):
    """Our own count, *sizes*, of the first *messages* of a history."""

    messages: int
    sizes: Sizes


class Estimator(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Estimates the tokens of what has not been sent yet to *provider*, a provider's name.

    It starts from typical sizes and learns from reported counts. Two estimators that learned the same are equal.
    """

    __repr__ = short_repr

    provider: str = ""
    learned_so_far: Learned = Learned()
    # The last request's messages and their sizes: most requests begin with the messages of the one before.
    _counted: Sequence[Message] = ()
    _counted_sizes: Sizes = _NO_SIZES
    # Its settings and their sizes: most requests have the same ones.
    _settings: Settings | None = None
    _settings_sizes: Sizes = _NO_SIZES

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Estimator):
            return NotImplemented
        return (self.provider, self.learned_so_far) == (other.provider, other.learned_so_far)

    def __hash__(self) -> int:
        return hash((self.provider, self.learned_so_far))

    @classmethod
    def restored(cls, provider: str, learned: Learned, messages: HistoryView, sizes: Sizes) -> Self:
        """An estimator that has *learned*, and has counted *messages*, as ``counted_messages`` said of one before."""
        return cls(provider, learned, messages, sizes)

    def counted_messages(self, messages: Sequence[Message]) -> CountedMessages | None:
        """How many of *messages*, the first ones, are counted, and their sizes; ``None`` if others are."""
        counted = len(self._counted)
        is_of_these = counted and unchanged_messages(self._counted, messages) == counted
        return CountedMessages(counted, self._counted_sizes) if is_of_these else None

    def tokens(self, message: Message) -> int:
        """The estimate for *message*."""
        return math.ceil(self.learned_so_far.tokens(message_sizes(message, self.provider)))

    def tokens_of_settings(self, settings: Settings) -> int:
        """The estimate for all that a request has besides its messages."""
        sizes = self._sizes_of_settings(settings)
        return max(0, math.ceil(self.learned_so_far.tokens(sizes) + self.learned_so_far.fixed))

    def counted_settings(self, settings: Settings) -> int:
        """Our own count of *settings*, which no reported figure changes."""
        return math.ceil(sum(self._sizes_of_settings(settings)))

    def learned(self, messages: Sequence[Message], settings: Settings, reported_input_tokens: int) -> "Estimator":
        """An estimator that has learned that a request with *messages* and *settings* had *reported_input_tokens*.

        The figure includes tokens read from a cache; an implausible one is ignored. The cost is that of the messages
        that are new since the last time.
        """
        sizes = self.sizes(messages, settings)
        return self.counted(messages, settings, sizes, self.corrected(sizes, reported_input_tokens))

    def sizes(self, messages: Sequence[Message], settings: Settings) -> "RequestSizes":
        """Our own count of a request with *messages* and *settings*, at the cost of what is new since the last one."""
        return RequestSizes(self._sizes(messages), self._sizes_of_settings(settings))

    def corrected(self, sizes: "RequestSizes", reported_input_tokens: int) -> Learned:
        """What is known after a request of *sizes* was reported to have *reported_input_tokens*."""
        return self.learned_so_far.after(sizes.messages.plus(sizes.settings), reported_input_tokens)

    def counted(
        self, messages: Sequence[Message], settings: Settings, sizes: "RequestSizes", learned: Learned
    ) -> "Estimator":
        """An estimator that has *learned*, and has counted a request with *messages* and *settings*: its *sizes*."""
        counted = messages if isinstance(messages, HistoryView) else tuple(messages)
        return Estimator(self.provider, learned, counted, sizes.messages, settings, sizes.settings)

    def estimate(self, sizes: "RequestSizes") -> int:
        """The estimate for a request of *sizes*."""
        learned = self.learned_so_far
        return max(0, math.ceil(learned.tokens(sizes.messages.plus(sizes.settings)) + learned.fixed))

    def _sizes_of_settings(self, settings: Settings) -> Sizes:
        return self._settings_sizes if settings is self._settings else settings_sizes(settings, self.provider)

    def _sizes(self, messages: Sequence[Message]) -> Sizes:
        counted, sizes = len(self._counted), self._counted_sizes
        if unchanged_messages(self._counted, messages) < counted:
            counted, sizes = 0, _NO_SIZES
        for message in messages[counted:]:
            sizes = sizes.plus(message_sizes(message, self.provider))
        return sizes


@cache
def new_estimator(provider: str) -> Estimator:
    """The estimator that all sessions of *provider* begin with."""
    return Estimator(provider)


def _bounded(factor: float) -> float:
    return max(_MIN_FACTOR, min(_MAX_FACTOR, factor))
