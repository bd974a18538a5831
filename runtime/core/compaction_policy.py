"""When to compact a history, and to how many tokens."""

from typing import Self

import msgspec

from ...providers.models import context_limit_tokens
from ..api.config import SessionConfig
from ..api.messages import CompactReason

_ANSWER_TOKENS = 8_192
"""Reserved for the answer if no setting limits it."""

_EAGER_SHARE = 0.8
"""An idle session starts a compaction at this share of the threshold."""

_TARGET_SHARE = 0.6
"""A compaction aims at this share of the threshold, so that the next one is not needed at once."""

_GROWTH_SHARE = 0.1
"""After a compaction that missed its target, the history grows by this share of the window before the next one."""


class ContextWindow(msgspec.Struct, frozen=True, gc=False):
    """A model's context window, in tokens.

    A request above *threshold_tokens* needs a compaction first; a request may have at most *request_tokens*.
    """

    limit_tokens: int
    threshold_tokens: int
    request_tokens: int

    @classmethod
    def of(cls, config: SessionConfig) -> Self:
        """The window of *config*'s model, minus room for the answer: most providers count the answer in."""
        limit = context_limit_tokens(config.provider.facts)
        answer = config.max_output_tokens or config.provider.facts.output_limit_tokens or _ANSWER_TOKENS
        reserved = min(answer, _ANSWER_TOKENS if config.max_output_tokens is None else answer, limit // 2)
        threshold = config.compaction.threshold if config.compaction else 1.0
        return cls(limit, min(int(limit * threshold), limit - reserved), limit - reserved)


class CompactionPolicy(msgspec.Struct, gc=False):
    """Decides when a conversation is compacted.

    *floor_tokens* is what the last compaction left if that was more than its target, otherwise 0.
    """

    floor_tokens: int = 0

    def is_due(self, tokens: int, config: SessionConfig) -> bool:
        """True if a request of *tokens* must not be sent before a compaction."""
        if config.compaction is None:
            return False
        window = ContextWindow.of(config)
        if tokens <= window.threshold_tokens:
            return False
        if not self.floor_tokens:
            return True
        return tokens > min(self.floor_tokens + int(window.limit_tokens * _GROWTH_SHARE), window.request_tokens)

    def may_start_early(self, config: SessionConfig) -> bool:
        """True if an idle session may compact more than ``eager_tokens`` before it must."""
        return config.compact_eagerly and config.compaction is not None and not self.floor_tokens

    def compaction_ended(self, tokens: int, config: SessionConfig) -> None:
        """A compaction ended, and a request would have *tokens* now."""
        self.floor_tokens = tokens if tokens > _target_tokens(config) else 0

    def history_replaced(self) -> None:
        """The history is another one: nothing is known about how far it can be compacted."""
        self.floor_tokens = 0


def eager_tokens(config: SessionConfig) -> float:
    """What a request may have before an idle session compacts early."""
    return ContextWindow.of(config).threshold_tokens * _EAGER_SHARE


def budget_tokens(reason: CompactReason, tokens: int, config: SessionConfig) -> int:
    """What a request may have after a compaction, if it has *tokens* now."""
    target = _target_tokens(config)
    if reason in (CompactReason.ASKED, CompactReason.OVERFLOW):
        return min(target, tokens // 2)
    return target


def _target_tokens(config: SessionConfig) -> int:
    return int(ContextWindow.of(config).threshold_tokens * _TARGET_SHARE)
