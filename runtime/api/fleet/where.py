"""Which sessions a call is for, and what it did to each of them."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Annotated, cast

import msgspec
from msgspec import Meta

from ....providers.schema.checks.field_checks import check_fields, check_value
from ....providers.schema.checks.shown import short_repr
from ....providers.schema.errors import InvalidConfig, RayconteurError
from ..catalog.labels import Labels
from ..config import SessionConfig
from ..status import State

Share = Annotated[float, Meta(gt=0, le=1)]

_WILDCARDS = "*?["
_LAST_CHAR = "\x7f"
"""It comes after all characters of ids."""


class Where(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which sessions: those that fit all that is given.

    *owner*, *project* and *tag* are those of their ``Labels``, *state* is what they are doing, or several of that.
    *ids*, *provider* (or preset) and *model* are names, or patterns with ``*``, ``?`` and ``[...]``; of *ids* there may
    be several. *template* is the name of the template that they follow. With *every* and nothing else, it is all
    sessions of the namespace.

    Raises:
        InvalidConfig: a field is not valid, or nothing is given.
    """

    __repr__ = short_repr

    ids: tuple[str, ...] | str = ()
    owner: str | None = None
    project: str | None = None
    tag: str | None = None
    state: tuple[State, ...] | State = ()
    provider: str | None = None
    model: str | None = None
    template: str | None = None
    every: bool = False

    def __post_init__(self) -> None:
        given = any(getattr(self, field) not in (None, ()) for field in self.__struct_fields__ if field != "every")
        if self.every is given:
            raise InvalidConfig(
                "where", "say which sessions: give ids, an owner, a tag or the like, or every=True and nothing else"
            )
        for field in ("ids", "state"):
            value = cast(object, getattr(self, field))
            msgspec.structs.force_setattr(self, field, _several(value))
        check_fields(self, "where", unchecked=("state",))
        for state in self._states:
            check_value(state, State, "where.state")

    @property
    def _patterns(self) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self.ids)

    @property
    def _states(self) -> tuple[State, ...]:
        return cast("tuple[State, ...]", self.state)

    @property
    def id_prefix(self) -> str:
        """What all ids that fit begin with."""
        patterns = self._patterns
        shortest, longest = min(patterns, default=""), max(patterns, default="")
        length = next(
            (
                place
                for place, char in enumerate(shortest)
                if char in _WILDCARDS or not longest[place:].startswith(char)
            ),
            len(shortest),
        )
        return shortest[:length]

    def has_id(self, session_id: str) -> bool:
        """True if the id fits."""
        patterns = self._patterns
        return not patterns or any(fnmatchcase(session_id, pattern) for pattern in patterns)

    def has_config(self, config: SessionConfig) -> bool:
        """True if the settings in force fit."""
        provider, followed = config.provider, config.template
        return (
            self.has_labels(config.labels)
            and self.has_model({provider.name, provider.service}, provider.model)
            and self.template in (None, followed.name if followed else None)
        )

    def has_labels(self, labels: Labels) -> bool:
        """True if the labels fit."""
        return (
            self.owner in (None, labels.owner)
            and self.project in (None, labels.project)
            and (self.tag is None or self.tag in labels.tags)
        )

    def has_model(self, providers: Iterable[str], model: str) -> bool:
        """True if the *model* fits, and one of the names of its provider."""
        return (self.model is None or fnmatchcase(model, self.model)) and (
            self.provider is None or any(fnmatchcase(name, self.provider) for name in providers)
        )

    def has_state(self, state: State) -> bool:
        """True if what a session is doing fits."""
        return not self.state or state in self._states


def _several(value: object) -> object:
    """*value*, of which there may be several, as a tuple."""
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(cast("list[object]", value))
    return (value,)


class SessionOutcome(msgspec.Struct, frozen=True, gc=False):
    """What a call did to one session: it is *done*, or there was nothing to do, or it failed with an *error*."""

    __repr__ = short_repr

    id: str
    epoch: int
    done: bool
    error: RayconteurError | None = None


class FleetResult(list[SessionOutcome]):
    """What a call for many sessions did: one entry for each that it is for, by their ids. It is empty if none is.

    *unreachable* are the sessions whose actor did not answer, or died meanwhile: ids, by the name of the actor, whether
    or not the call is for them. The call may be made again.
    """

    def __init__(self, outcomes: Sequence[SessionOutcome] = ()) -> None:
        super().__init__(outcomes)
        self.unreachable: dict[str, list[str]] = {}

    @property
    def done(self) -> list[str]:
        """The ids of the sessions to which it was done."""
        return [outcome.id for outcome in self if outcome.done]

    @property
    def failed(self) -> dict[str, RayconteurError]:
        """The errors by the ids of the sessions for which it failed."""
        return {outcome.id: outcome.error for outcome in self if outcome.error}

    def __repr__(self) -> str:
        unreachable = sum(map(len, self.unreachable.values()))
        return (
            f"FleetResult({len(self)} sessions, {len(self.done)} done, {len(self.failed)} failed, "
            f"{unreachable} unreachable)"
        )


def in_share(session_id: str, share: float) -> bool:
    """True if the session is among this *share* of all. A larger share has those of a smaller one, and more."""
    digest = blake2b(session_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2.0**64


def checked_share(share: float) -> float:
    """*share*.

    Raises:
        InvalidConfig: it is none.
    """
    check_value(share, Share, "share")
    return share


def before(prefix: str) -> str:
    """A text that comes after all ids that come before those with *prefix*, and before these."""
    return prefix[:-1] + chr(ord(prefix[-1]) - 1) + _LAST_CHAR if prefix else ""
