"""Which strategies a session's config can name, and how to combine them. A strategy is added to ``AnyStrategy`` here.

The config of a strategy is in its own file under ``strategies/``, together with its implementation.
"""

from collections.abc import Callable
from typing import Self

import msgspec

from ..providers.registry import ProviderConfig
from ..providers.schema.errors import InvalidConfig
from .strategies.custom import Custom
from .strategies.images import DropImages
from .strategies.native import NativeCompaction
from .strategies.summarize import Summarize
from .strategies.thinking import DropThinking
from .strategies.tool_results import Threshold
from .strategies.window import Window
from .strategy import FIELD, CompactionSettings

AnyStrategy = NativeCompaction | Threshold | DropThinking | DropImages | Summarize | Window | Custom

DEFAULT_LAYERS: tuple[AnyStrategy, ...] = (
    NativeCompaction(),
    Threshold(),
    DropThinking(),
    DropImages(),
    Summarize(),
    Window(keep_recent_turns=5),
)
"""The provider's own compaction where there is one; elsewhere from the cheapest to the most expensive.

Tool results, thinking, images, then a summary; the window if all else fails.
"""


class Layered(CompactionSettings, frozen=True, kw_only=True):
    """Runs *strategies* in order until the history fits. Its own *threshold* counts; those of the strategies don't.

    The strategies first leave recent turns alone. If the history still does not fit, they run again on all turns.
    """

    strategies: tuple[AnyStrategy, ...] = DEFAULT_LAYERS

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.strategies:
            raise InvalidConfig(f"{FIELD}.strategies", "give at least one strategy")

    def is_due_by_turns(self, turns: int, turns_since: int) -> bool:
        """True if one of the strategies must run whatever the tokens."""
        return self.strategies is not DEFAULT_LAYERS and any(
            strategy.is_due_by_turns(turns, turns_since) for strategy in self.strategies
        )

    @property
    def redacts(self) -> bool:
        """True if one of the strategies does."""
        return any(strategy.redacts for strategy in self.strategies)

    def with_providers(self, change: Callable[[ProviderConfig], ProviderConfig]) -> Self:
        strategies = tuple(strategy.with_providers(change) for strategy in self.strategies)
        return msgspec.structs.replace(self, strategies=strategies)

    def providers(self) -> tuple[ProviderConfig, ...]:
        return tuple(provider for strategy in self.strategies for provider in strategy.providers())


Compaction = AnyStrategy | Layered
