"""When a conversation is shortened, and what follows from it."""

from dataclasses import dataclass
from typing import Self

from ...providers.models import context_limit_tokens
from ..api import messages as say
from ..api.config import SessionConfig
from . import events as ev

_ANSWER_TOKENS = 8_192
"""The room that an answer is given where no setting says how much it may take."""

_EAGER_SHARE = 0.8
"""At this part of what makes a compaction due, one begins while nobody waits."""

_AFTER_SHARE = 0.6
"""A compaction goes for this part of what made it due, so that the next is not due at once."""

_GROWTH_SHARE = 0.1
"""Where a compaction came to more than that, the history grows by this part of the window before the next is due."""


@dataclass(frozen=True, slots=True)
class Window:
    """The context window of a model: a compaction is *due* at so many tokens, and *full* is what a request may have."""

    limit: int
    due: int
    full: int

    @classmethod
    def of(cls, config: SessionConfig) -> Self:
        """The window of *config*'s model, less room for the answer: most providers count that in."""
        limit = context_limit_tokens(config.provider.facts)
        answer = config.max_output_tokens or config.provider.facts.output_limit_tokens or _ANSWER_TOKENS
        full = limit - min(answer, _ANSWER_TOKENS if config.max_output_tokens is None else answer, limit // 2)
        threshold = config.compaction.threshold if config.compaction else 1.0
        return cls(limit, min(int(limit * threshold), full), full)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A compaction under way; *failed* is what the provider refused, where that is why."""

    why: say.CompactReason
    failed: ev.RequestFailed | None = None


@dataclass(slots=True)
class Compactor:
    """Counts the compactions of a conversation, and knows the one *under_way*."""

    number: int = 0
    under_way: UnderWay | None = None
    _floor: int = 0  # what the last one came to, where that was more than it went for

    @property
    def eager(self) -> bool:
        """Whether what is under way gives way to whatever comes."""
        return self.under_way is not None and self.under_way.why is say.CompactReason.EAGER

    def due(self, tokens: int, config: SessionConfig) -> bool:
        """Whether a request of *tokens* must not go out before a compaction."""
        window = Window.of(config)
        if config.compaction is None or tokens <= window.due:
            return False
        return tokens > min(self._floor + int(window.limit * _GROWTH_SHARE), window.full) if self._floor else True

    def may_begin_early(self, tokens: int, config: SessionConfig) -> bool:
        """Whether there is reason enough for one at *tokens* while nobody waits."""
        if not config.compact_eagerly or config.compaction is None or self._floor:
            return False
        return tokens > Window.of(config).due * _EAGER_SHARE

    def begin(self, why: say.CompactReason, failed: ev.RequestFailed | None = None) -> int:
        """Begin one; its number."""
        self.number += 1
        self.under_way = UnderWay(why, failed)
        return self.number

    def end(self, tokens: int, config: SessionConfig) -> UnderWay:
        """The one under way is over, and a request comes to *tokens* now."""
        assert self.under_way is not None
        ended, self.under_way = self.under_way, None
        self._floor = tokens if tokens > _goal(config) else 0
        return ended

    def give_way(self) -> None:
        """The one under way is not wanted any more: somebody waits."""
        self.under_way = None

    def forget(self) -> None:
        """The history is another: nothing is known of what shortens it."""
        self._floor = 0


def budget_tokens(why: say.CompactReason, tokens: int, config: SessionConfig) -> int:
    """What a request may come to after a compaction, where it comes to *tokens* now."""
    goal = _goal(config)
    if why in (say.CompactReason.ASKED, say.CompactReason.OVERFLOW):
        return min(goal, tokens // 2)
    return goal


def _goal(config: SessionConfig) -> int:
    return int(Window.of(config).due * _AFTER_SHARE)
