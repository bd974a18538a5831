"""When to compact a history, and to how many tokens."""

from typing import NamedTuple, Self

import msgspec

from ...providers.models import context_limit_tokens
from ...providers.schema.checks.shown import short_name
from ...providers.schema.errors import InvalidConfig
from ...providers.transport.context_overflow import WindowFigures
from ..api.config import SessionConfig

_ANSWER_TOKENS = 8_192
"""Reserved for the answer if no setting limits it."""

_LEAST_SHARE = 0.05
"""A session whose settings leave less than this share of a known window for its history is rejected."""

_ERROR_SHARE = 0.15
"""How much of a request is left free for errors of the estimate, if the room for the answer is exact."""

_EAGER_SHARE = 0.8
"""An idle session starts a compaction at this share of the threshold."""

_TARGET_SHARE = 0.6
"""A compaction aims at this share of the threshold, so that the next one is not needed at once."""

_GROWTH_SHARE = 0.1
"""After a compaction that missed its target, the history grows by this share of the window before the next one."""

_HOPELESS_SHARE = 4
"""A request with this many times the window is not sent, if a compaction could not make it shorter."""

REFUSED_SHARE = 0.8
"""Of a history that was too long this share is assumed to fit, if the provider tells nothing else."""


class ContextWindow(msgspec.Struct, frozen=True, gc=False):
    """A model's context window, in tokens.

    A request above *threshold_tokens* needs a compaction first; a request may have at most *request_tokens*, of which
    *settings_tokens* are for the settings. The window *is_known*, or only guessed.
    """

    limit_tokens: int
    threshold_tokens: int
    request_tokens: int
    settings_tokens: int = 0
    is_known: bool = True

    @classmethod
    def of(cls, config: SessionConfig, settings_tokens: int = 0, learned_tokens: int = 0) -> Self:
        """The window of *config*'s model, minus room for the answer: most providers count the answer in.

        *settings_tokens* is what a request has besides its history: the threshold is a share of what is left, so that
        large settings leave the history its share. *learned_tokens* is the size that the provider has named.
        """
        facts = config.provider.facts
        limit = learned_tokens or context_limit_tokens(facts)
        room = max(0, limit - settings_tokens)
        if config.max_output_tokens is not None:
            reserved = min(config.max_output_tokens, max(0, room - int(limit * _LEAST_SHARE)))
            reserved += min(int((limit - reserved) * _ERROR_SHARE), (room - reserved) // 2)
        else:
            reserved = min(facts.output_limit_tokens or _ANSWER_TOKENS, _ANSWER_TOKENS, room // 2)
        share = config.compaction.threshold if config.compaction else 1.0
        request = limit - reserved
        threshold = max(min(int(limit * share), request), settings_tokens + int((room - reserved) * share))
        is_known = bool(learned_tokens or facts.context_limit_tokens)
        return cls(limit, min(threshold, request), request, settings_tokens, is_known)

    @property
    def target_tokens(self) -> int:
        """What a compaction aims at for the history: a share of what it may have before it is compacted."""
        return int((self.threshold_tokens - self.settings_tokens) * _TARGET_SHARE)

    @property
    def hopeless_tokens(self) -> int:
        """A request with so many is not sent, even if nothing more can be compacted."""
        return self.limit_tokens * _HOPELESS_SHARE


class RefusedRequest(NamedTuple):
    """A request that was too long: its *tokens*, those of its settings, and the *output_tokens* that it asked for.

    The request before, which was not too long, had *accepted_tokens* with its answer.
    """

    tokens: int
    settings_tokens: int = 0
    accepted_tokens: int = 0
    output_tokens: int = 0


class CompactionPolicy(msgspec.Struct, gc=False):
    """Decides when a conversation is compacted.

    *floor_tokens* is what the last compaction left if that was more than its target, otherwise 0. *learned_tokens* is
    the context window that the provider has named, or shown by what it refused; 0 if it has not.
    """

    floor_tokens: int = 0
    learned_tokens: int = 0
    turns_since: int = 0
    """The turns since the last compaction, the running one included."""

    def window(self, config: SessionConfig, settings_tokens: int) -> ContextWindow:
        """The context window as far as it is known."""
        return ContextWindow.of(config, settings_tokens, self.learned_tokens)

    def is_due(self, tokens: int, config: SessionConfig, settings_tokens: int = 0) -> bool:
        """True if a request of *tokens* must not be sent before a compaction."""
        if config.compaction is None:
            return False
        window = self.window(config, settings_tokens)
        if tokens <= window.threshold_tokens:
            return False
        if not self.floor_tokens:
            return True
        return tokens > min(self.floor_tokens + int(window.limit_tokens * _GROWTH_SHARE), window.request_tokens)

    def is_due_by_turns(self, turns: int, config: SessionConfig) -> bool:
        """True if a history of so many *turns* must be compacted whatever its tokens."""
        return config.compaction is not None and config.compaction.is_due_by_turns(turns, self.turns_since)

    def may_start_early(self, config: SessionConfig) -> bool:
        """True if an idle session may compact more than ``eager_tokens`` before it must."""
        return config.compact_eagerly and config.compaction is not None and not self.floor_tokens

    def eager_tokens(self, config: SessionConfig, settings_tokens: int) -> float:
        """What a request may have before an idle session compacts early."""
        window = self.window(config, settings_tokens)
        return window.settings_tokens + (window.threshold_tokens - window.settings_tokens) * _EAGER_SHARE

    def compaction_ended(self, tokens: int, config: SessionConfig, settings_tokens: int) -> None:
        """A compaction ended, and a request would have *tokens* now."""
        window = self.window(config, settings_tokens)
        enough = window.settings_tokens + window.target_tokens
        if config.compact_eagerly:  # or the next eager compaction would follow at once
            enough = min(enough, int(window.threshold_tokens * _EAGER_SHARE))
        self.floor_tokens = tokens if tokens > enough else 0

    def history_replaced(self) -> None:
        """The history is another one: nothing is known about how far it can be compacted."""
        self.floor_tokens = 0

    def model_changed(self) -> None:
        """Requests go to another model from now on: its window is as large as its facts say."""
        self.floor_tokens = self.learned_tokens = 0

    def learn_window(self, refused: RefusedRequest, figures: WindowFigures) -> bool:
        """A request was *refused* as too long; *figures* is what the provider says about it. True if that is news."""
        limit = figures.limit
        if limit is None and figures.excess is not None and figures.excess < refused.tokens:
            limit = refused.tokens - figures.excess
        if limit is not None:
            is_news = limit != self.learned_tokens
            self.learned_tokens = limit
            return is_news
        history_tokens = refused.tokens - refused.settings_tokens
        fits = refused.settings_tokens + int(history_tokens * REFUSED_SHARE)
        self.learned_tokens = max(1, fits, min(refused.accepted_tokens, refused.tokens - 1)) + refused.output_tokens
        return False


def require_room(config: SessionConfig, settings_tokens: int) -> None:
    """Raises:
    InvalidConfig: the settings leave no room for a history in the model's context window.
    """
    limit = config.provider.facts.context_limit_tokens
    if limit is None:
        return
    reserved = config.max_output_tokens or 0
    left = limit - settings_tokens - reserved
    if left < limit * _LEAST_SHARE:
        raise InvalidConfig(
            "max_output_tokens" if reserved >= settings_tokens else "system",
            f"no room is left for a history: the context window of {short_name(config.provider.model)} has {limit:,} "
            f"tokens, the system prompt and the tools take about {settings_tokens:,} of them, and max_output_tokens "
            f"reserves {reserved:,}; shorten them, or give ModelFacts(context_limit_tokens=...) if the window is "
            "larger",
        )
