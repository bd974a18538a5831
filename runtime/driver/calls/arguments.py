"""The arguments of calls, checked."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import msgspec

from ....providers.model_names import provider_name
from ....providers.registry import PROVIDERS
from ....providers.schema.checks.shown import shown
from ....providers.schema.content import Text, UserBlock
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.messages import Role
from ...api.messages import UserMessage
from ...api.options import validated_session_id
from ...api.placement import Dedicated, Packed, Placement
from ...api.settings.changes import TurnSettings
from ...api.validation import validated_struct
from ...cluster.pool.actor_pool import ANY_PROVIDER
from ...events.segments import END_SEQ
from ...session.pages import HistorySelection

Question = str | UserMessage | tuple[UserBlock, ...]
"""What ``ask`` takes."""


def is_count(value: object, least: int) -> bool:
    """True if *value* is a whole number, *least* or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def checked_address(address: object) -> str | None:
    """*address*, that of a cluster.

    Raises:
        InvalidConfig: it is not a string.
    """
    if address is not None and not isinstance(address, str):
        raise InvalidConfig("address", f"give host:port, or None for RAY_ADDRESS, not {shown(address)}")
    return address


def checked_after(after: int) -> int:
    """*after*, the number of an event, or 0.

    Raises:
        InvalidConfig: it is none.
    """
    if not is_count(after, 0) or after > END_SEQ:
        raise InvalidConfig("after", f"give the number (seq) of an event, or 0 for all, not {shown(after)}")
    return after


def checked_limit(limit: int) -> int:
    """*limit*, the number of sessions on a page.

    Raises:
        InvalidConfig: it is none.
    """
    if not is_count(limit, 1):
        raise InvalidConfig("limit", f"give the number of sessions on a page, 1 or more, not {shown(limit)}")
    return limit


def checked_turn(turn: int | None, name: str = "at") -> int | None:
    """*turn*, which *name* gives: the number of one, 0 for the beginning, or ``None``.

    Raises:
        InvalidConfig: it is none of these.
    """
    if turn is not None and not is_count(turn, 0):
        raise InvalidConfig(name, f"give the number of a turn, or 0 for the beginning, not {shown(turn)}")
    return turn


def checked_placement(placement: Placement) -> Placement:
    """*placement*.

    Raises:
        InvalidConfig: it is none.
    """
    return validated_struct(placement, (Dedicated, Packed), "placement")


def session_ids_of(ids: int | Sequence[str]) -> list[str]:
    """*ids*, or so many new ones.

    Raises:
        InvalidConfig: one is invalid.
    """
    given: object = ids
    is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    if not is_list and not is_count(given, 0):
        raise InvalidConfig("ids", f"give a list of ids, or the number of sessions, not {shown(ids)}")
    return (
        [uuid.uuid4().hex for _ in range(ids)]
        if isinstance(ids, int)
        else [validated_session_id(session_id) for session_id in ids]
    )


def warm_by_provider(warm: object) -> dict[str, int]:
    """How many idle actors to keep, by the provider's name."""
    given = cast("Mapping[str, object]", warm if isinstance(warm, Mapping) else {ANY_PROVIDER: warm})
    counts = Counter[str]()
    for name, count in given.items():
        provider = provider_name(name)
        if provider not in PROVIDERS and given is warm:
            raise InvalidConfig(
                "warm", f"no provider {shown(name)} is installed here; there are {', '.join(PROVIDERS)}"
            )
        if not isinstance(count, int) or count < 0:
            raise InvalidConfig("warm", f"give a number of idle actors, 0 or more, not {shown(count)}")
        counts[provider] += count
    return counts


def history_selection(
    limit: int | None,
    roles: Iterable[str] | None,
    before: int | None,
    after: int | None,
    at: int | None = None,
) -> HistorySelection:
    """The messages that ``history`` is asked for.

    Raises:
        InvalidConfig: an argument is not valid; it is named.
    """
    if limit is not None and not is_count(limit, 1):
        raise InvalidConfig("limit", f"give the number of messages, 1 or more, not {shown(limit)}")
    for name, turn in (("before", before), ("after", after)):
        if turn is not None and not is_count(turn, 0):
            raise InvalidConfig(name, f"give the number of a turn, not {shown(turn)}")
    known, wanted = [role.value for role in Role], cast(object, roles)
    given = list(cast("Iterable[str]", wanted)) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    if wanted is not None and (wrong := [role for role in given if role not in known]):
        raise InvalidConfig("roles", f"give a list of {' and '.join(known)}, not {shown(wrong[0])}")
    selected = frozenset(Role(role) for role in given if isinstance(role, str))
    return HistorySelection(limit=limit, roles=selected, before=before, after=after, at=checked_turn(at))


def user_message(question: Question, settings: TurnSettings | None = None) -> UserMessage:
    """The message that asks *question*, in a turn with *settings*.

    Raises:
        InvalidConfig: it has settings already.
    """
    match question:
        case str():
            return UserMessage(content=(Text(question),), settings=settings)
        case UserMessage() if settings is None:
            return question
        case UserMessage(settings=None):
            return msgspec.structs.replace(question, settings=settings)
        case UserMessage():
            raise InvalidConfig("settings", "the message has settings, too; give them once")
        case _:
            return UserMessage(content=question, settings=settings)


def checked_timeout(timeout_s: object) -> float:
    """*timeout_s*, if it is a number of seconds.

    Raises:
        InvalidConfig: it is none.
    """
    if not isinstance(timeout_s, int | float) or not 0 <= timeout_s < float("inf"):
        raise InvalidConfig("timeout_s", f"give a number of seconds, 0 or more, not {shown(timeout_s)}")
    return timeout_s
