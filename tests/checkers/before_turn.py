"""How a conversation stood when its running turn began."""

from dataclasses import dataclass, field

from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.usage import NONE_YET, Count


@dataclass(frozen=True)
class Before:
    """How things stood when the running turn began."""

    history: list[Message] = field(default_factory=list[Message])
    context: Count = NONE_YET.input
    counted: int = 0
    sent: int = 0
    shortened: bool = False

    @property
    def kept(self) -> tuple[list[Message], Count]:
        """What comes back when the turn is discarded."""
        return self.history, self.context
