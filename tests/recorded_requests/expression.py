"""A recorded request as a program would write it with this package, and the records that cannot be written so."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rayconteur.providers.schema.config import HTTPConfig
from rayconteur.providers.schema.content import Block
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Settings
from recorded_requests.json_values import JSON


class NotExpressible(Exception):
    """This package has no form for a part of a recorded request. The reason is the message."""


@dataclass(frozen=True)
class Expression:
    """A request: what a program gives this package to have it sent.

    Raises:
        NotExpressible: a value is none that a setting may have.
    """

    config: HTTPConfig
    settings: Settings
    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        try:
            msgspec.convert(msgspec.to_builtins(self.settings), Settings)
        except msgspec.ValidationError as error:
            raise NotExpressible(f"the settings: {error}") from None


@dataclass(frozen=True)
class Recorded:
    """One recorded request of *api*, in the recordings of *file*.

    It is the *path* it was sent to, its *body*, and the *status* of the answer.
    """

    id: str
    file: str
    api: str
    path: str
    body: JSON
    status: int


@dataclass
class Members:
    """The members of a recorded object. Each is taken once, and ``end`` makes sure that all of them are."""

    values: Mapping[str, Any]
    taken: set[str] = field(default_factory=set[str])

    def take(self, name: str, default: Any = None) -> Any:
        """The member *name*; *default* where it is missing or null."""
        self.taken.add(name)
        value = self.values.get(name)
        return default if value is None else value

    def renamed(self, names: Mapping[str, str]) -> JSON:
        """The members that are given, by our names: *names* maps these to the members'."""
        values = {ours: self.take(theirs) for ours, theirs in names.items()}
        return {name: value for name, value in values.items() if value is not None}

    def extra(self, *names: str) -> JSON | None:
        """The members *names*, as they are, for ``extra_body``."""
        return {name: self.take(name) for name in names if self.values.get(name) is not None} or None

    def end(self, place: str) -> None:
        """Raises:
        NotExpressible: a member that has a value was not taken.
        """
        if rest := [name for name, value in self.values.items() if name not in self.taken and value is not None]:
            raise NotExpressible(f"{place}: {', '.join(sorted(rest))}")


def system_text(parts: Iterable[Mapping[str, Any]]) -> str | None:
    """The text of a system prompt in at most one part.

    Raises:
        NotExpressible: it has several, between which a provider may put more than nothing.
    """
    texts = [part["text"] for part in parts]
    if len(texts) > 1:
        raise NotExpressible("a system prompt in several parts")
    return texts[0] if texts else None


def messages(turns: Iterable[tuple[Role, Iterable[Block]]]) -> tuple[Message, ...]:
    """The messages of the roles and blocks in *turns*."""
    return tuple(Message(role=role, content=tuple(blocks), turn=1) for role, blocks in turns)


Reader = Callable[[Recorded], Expression]
"""Reads a recorded request of one API.

Raises:
    NotExpressible: this package has no form for a part of it.
"""
