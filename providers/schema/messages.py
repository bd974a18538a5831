"""Messages: what stands in a history."""

from enum import StrEnum

import msgspec

from .content import Block


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


class StandsFor(msgspec.Struct, frozen=True, kw_only=True):
    """What a summary took the place of: so many *messages*, of the turns *first_turn* to *last_turn*."""

    first_turn: int
    last_turn: int
    messages: int


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a history, marked with the turn it belongs to. Tool results stand in user messages.

    A summary says what it *stands_for*; its turn is the last of those.
    """

    role: Role
    content: tuple[Block, ...]
    turn: int
    stands_for: StandsFor | None = None
