"""Messages: what stands in a history."""

from enum import StrEnum

import msgspec

from .content import Block


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a history, marked with the turn it belongs to. Tool results stand in user messages."""

    role: Role
    content: tuple[Block, ...]
    turn: int
