"""What the replies of a runtime share, and what is one's own."""

from typing import Self

import msgspec

from ...api.options import OnAbandon
from ...api.settings.changes import TurnSettings
from ..kept_readers import KeptReaders
from .abandoned_turns import Abandon, AbandonedTurns, checked_on_abandon
from .message_keys import checked_key
from .tool_runs import ToolLimits


class ReplyOptions(msgspec.Struct, frozen=True):
    """What all replies of a runtime share, and what happens to the turn of one that is abandoned.

    *settings* are those of the turn only: the tools among them are those that run here. *key* is that of its message.
    """

    kept_readers: KeptReaders
    abandoned_turns: AbandonedTurns
    tool_limits: ToolLimits
    on_abandon: OnAbandon
    settings: TurnSettings | None = None
    key: str | None = None

    def of_reply(self, on_abandon: Abandon, settings: TurnSettings | None, key: str | None) -> Self:
        """The options of one reply.

        Raises:
            InvalidConfig: *on_abandon* or *key* is not valid.
        """
        own = self.on_abandon if on_abandon is None else checked_on_abandon(on_abandon)
        return msgspec.structs.replace(self, on_abandon=own, settings=settings, key=checked_key(key))
