"""What a fork is to be."""

from collections.abc import Sequence
from dataclasses import dataclass

from ....providers.registry import ProviderConfig
from ...api.config import SessionConfig
from ...api.placement import Placement
from ...session.forks import ForkStart
from .tool_runs import SessionTools


@dataclass(frozen=True, slots=True)
class Fork:
    """A session that goes on from *start*, with other settings if there is a *config*, and the functions *tools*.

    *providers* have secrets that its own may have, too.
    """

    start: ForkStart
    tools: SessionTools
    providers: Sequence[ProviderConfig] = ()
    session_id: str | None = None
    config: SessionConfig | None = None
    placement: Placement | None = None
