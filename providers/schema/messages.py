"""Messages: the entries of a history."""

from enum import StrEnum

import msgspec

from .content import Block


class Role(StrEnum):
    """The author of a message."""

    USER = "user"
    ASSISTANT = "assistant"


class StandsFor(msgspec.Struct, frozen=True, kw_only=True):
    """What a summary replaces: a number of *messages*, of the turns *first_turn* to *last_turn*."""

    first_turn: int
    last_turn: int
    messages: int


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a history, with the number of its turn. Tool results are in user messages.

    A summary has *stands_for*, what it replaces; its turn is the last one of those.
    """

    role: Role
    content: tuple[Block, ...]
    turn: int
    stands_for: StandsFor | None = None
