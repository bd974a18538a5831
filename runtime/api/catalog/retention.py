"""How long a journal keeps the sessions of an owner."""

from collections import Counter

import msgspec

from ....providers.schema.checks.field_checks import check_fields
from ....providers.schema.checks.shown import short_repr, shown
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.request import Positive, PositiveSeconds
from .labels import EVERY_OWNER, Name


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal keeps of the sessions of *owner*; the rest is deleted, the longest inactive first.

    *owner* is that of ``Labels``. ``"*"`` is each owner that has no rule of its own, with the same limits for each of
    them; sessions without an owner are not among these: ``""`` is the rule for them.

    Sessions are kept whose last activity is at most *max_age_s* ago, *max_sessions* of them at most, and so many that
    they have *max_messages* in their histories, or one with more. Those that run are counted, and never deleted.

    With *closed_only*, it is about closed sessions: it neither counts nor deletes others, for which the owner may have
    another rule.

    Raises:
        InvalidConfig: it has no limit.
    """

    __repr__ = short_repr

    owner: Name
    max_age_s: PositiveSeconds | None = None
    max_sessions: Positive | None = None
    max_messages: Positive | None = None
    closed_only: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "retention")
        if self.max_age_s is self.max_sessions is self.max_messages is None:
            raise InvalidConfig("retention", "give max_age_s, max_sessions or max_messages: it limits nothing")


_DAY_S = 86_400.0

RETENTION = tuple(
    rule
    for owner in ("", EVERY_OWNER)
    for rule in (
        Retention(owner=owner, max_age_s=30 * _DAY_S),
        Retention(owner=owner, max_age_s=7 * _DAY_S, max_sessions=10_000, closed_only=True),
    )
)
"""The rules of a journal that nobody has named: it takes room on the disk of Ray's files."""


def check_rules(rules: tuple[Retention, ...], name: str) -> None:
    """Raises:
    InvalidConfig: two of *rules* are for the same sessions.
    """
    counts = Counter((rule.owner, rule.closed_only) for rule in rules)
    if twice := [owner for (owner, _), count in counts.items() if count > 1]:
        raise InvalidConfig(name, f"there are two rules for the owner {shown(twice[0])}: make one of them")
