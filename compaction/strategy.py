"""What all compaction strategies share: settings, and the contract of ``compact``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Self

import msgspec

from ..providers.models import with_model_facts
from ..providers.registry import ProviderConfig
from ..providers.schema.checks.field_checks import check_fields
from ..providers.schema.checks.shown import short_repr
from ..providers.schema.errors import InvalidConfig
from ..providers.schema.usage import NONE_YET, Usage
from .job import CompactionJob
from .sized_history import SizedHistory

FIELD = "compaction"
"""The field of the session's config that errors name."""


class Scope(Enum):
    """Which turns a strategy may change."""

    OLD_TURNS = "old_turns"
    """Only turns before the recent ones that its config keeps."""
    ALL_TURNS = "all_turns"
    """Recent turns as well, from the oldest on, until the history fits."""
    TO_FIT = "to_fit"
    """All turns from the oldest on, and no more than it takes to fit."""


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """The compacted *history*: the same object if nothing changed. *problem* says what went wrong."""

    history: SizedHistory
    summary_chars: int = 0
    usage: Usage = NONE_YET
    problem: str | None = None


class CompactionSettings(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="strategy", tag=str.lower, omit_defaults=True
):
    """A history is compacted when it fills more than *threshold* of its model's context window."""

    __repr__ = short_repr

    counts: ClassVar[tuple[str, ...]] = ()
    """The fields that must be 1 or more if they are given."""

    threshold: float = 0.75

    def __post_init__(self) -> None:
        check_fields(self, FIELD, unchecked=("provider",))
        if not 0 < self.threshold <= 1:
            raise InvalidConfig(f"{FIELD}.threshold", "give a share of the context window: above 0, and at most 1")
        for name in self.counts:
            count = getattr(self, name)
            if count is not None and count < 1:
                raise InvalidConfig(f"{FIELD}.{name}", "give 1 or more")

    @property
    def name(self) -> str:
        """The strategy's name: its tag."""
        return str(type(self).__struct_config__.tag)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        """This config with the credentials of its summarizer filled in, and the facts known about that model.

        Raises:
            ConfigError: something is missing or invalid; the error names the field or variable.
        """
        return self.with_providers(lambda provider: with_model_facts(provider.resolved(environ)))

    def public(self) -> Self:
        """This config without secrets: fit for records, events and logs."""
        return self.with_providers(lambda provider: provider.public())

    def with_providers(self, change: Callable[[ProviderConfig], ProviderConfig]) -> Self:
        """This config with what *change* makes of each of its providers.

        Raises:
            ConfigError: *change* raised it; the error names the field.
        """
        del change
        return self

    def providers(self) -> tuple[ProviderConfig, ...]:
        """The providers that get requests of a compaction, besides the session's own."""
        return ()


class Strategy(CompactionSettings, frozen=True, kw_only=True):
    """One way to make a history smaller."""

    @property
    def redacts(self) -> bool:
        """True if the model may not read again what it has replaced."""
        return False

    def is_due_by_turns(self, turns: int, turns_since: int) -> bool:
        """True if it must run on a history of *turns*, whatever its tokens; *turns_since* came after the last time."""
        del turns, turns_since
        return False

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        """Make *history* smaller until it fits the budget of *job*, whose messages other strategies may have changed.

        Old turns are changed all at once, even if fewer would do, so that the next compaction is not due soon. The last
        user message and the last step after it stay as they are, and tool uses stay with their results. Applying the
        strategy to its own result changes nothing.

        Failures are returned as the result's ``problem``, never raised. Cancellation leaves nothing behind.
        """
        raise NotImplementedError


class KeepsRecentTurns(Strategy, frozen=True, kw_only=True):
    """The last *keep_recent_turns* are changed only if the history does not fit otherwise.

    The last user message and the last step after it are never changed.
    """

    counts: ClassVar[tuple[str, ...]] = ("keep_recent_turns",)

    keep_recent_turns: int = 5
