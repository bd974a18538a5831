"""How sessions are placed on actors."""

import msgspec

from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import short_repr
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.request import Positive


class Dedicated(msgspec.Struct, frozen=True, kw_only=True, tag="dedicated"):
    """Each session has an actor of its own, named by its id: one process per session, which fails alone.

    A session costs about 50 MB of memory and a third of a second to start.
    """

    __repr__ = short_repr


class Packed(msgspec.Struct, frozen=True, kw_only=True, tag="packed"):
    """Many sessions share an actor. A session costs about 20 KB of memory; thousands start in a second.

    The first session starts *actors*. Each session goes to the actor with the fewest sessions, or to one with hardly
    more on the node of its router; when every actor has *sessions_per_actor*, another one is started, until there are
    *max_actors*, if that is given: then ``NoRoom`` is raised. What counts is the placement of the session that is
    placed: a later one may have other numbers.
    """

    __repr__ = short_repr

    sessions_per_actor: Positive = 1_000
    actors: Positive = 1
    max_actors: Positive | None = None

    def __post_init__(self) -> None:
        check_fields(self, "placement")
        if self.max_actors is not None and self.max_actors < self.actors:
            raise InvalidConfig("placement.max_actors", f"{self.max_actors} is fewer than actors, {self.actors}")


Placement = Dedicated | Packed
