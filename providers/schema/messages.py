"""Messages: the entries of a history."""

from enum import StrEnum

import msgspec

from .content import Block, Opaque, Thinking


class Role(StrEnum):
    """The author of a message."""

    USER = "user"
    ASSISTANT = "assistant"


class StandsFor(msgspec.Struct, frozen=True, kw_only=True):
    """What a summary replaces: a number of *messages*, of the turns *first_turn* to *last_turn*."""

    first_turn: int
    last_turn: int
    messages: int


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What made an answer, and so, who can read what is signed or encrypted in it.

    *source* is a fingerprint of the model, the endpoint and the account. *prefix* is one of the whole request without
    its thinking, *previous* the prefix of the answer whose thinking was the last one in the request: for providers that
    bind the thinking to both. Elsewhere they are empty.
    """

    source: str
    prefix: str = ""
    previous: str = ""


UNREADABLE = Origin(source="")
"""The origin of an answer whose signed and encrypted parts are not sent any more: a provider has rejected them."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a history, with the number of its turn. Tool results are in user messages.

    A summary has *stands_for*, what it replaces; its turn is the last one of those. An answer has its *origin*. What a
    provider's own compaction wrote has both.
    """

    role: Role
    content: tuple[Block, ...]
    turn: int
    stands_for: StandsFor | None = None
    origin: Origin | None = None

    def readable_by(self, source: str) -> bool:
        """True if what is signed or encrypted in this message is *source*'s own, as far as that is known."""
        return self.origin is None or self.origin.source == source

    @property
    def is_native_summary(self) -> bool:
        """True for what a provider's own compaction wrote: opaque blocks that mean nothing to others."""
        return self.stands_for is not None and self.role is Role.ASSISTANT

    @property
    def is_sealed(self) -> bool:
        """True if something in it is signed or encrypted, and may be sent to its maker."""
        return self.origin != UNREADABLE and any(
            isinstance(block, Opaque) or (isinstance(block, Thinking) and block.signature is not None)
            for block in self.content
        )
