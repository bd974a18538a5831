"""Where sessions live."""

import msgspec

from ...providers.schema.request import Positive


class Dedicated(msgspec.Struct, frozen=True, kw_only=True, tag="dedicated"):
    """Each session is an actor of its own, named by its id: its own process, its own failures.

    About 50 MB and a third of a second each.
    """


class Packed(msgspec.Struct, frozen=True, kw_only=True, tag="packed"):
    """Many sessions share an actor: some 20 KB each, thousands in a second.

    *actors* are started at first, and sessions go to the emptiest; when each has *sessions_per_actor*, one more is
    started.
    """

    sessions_per_actor: Positive = 1_000
    actors: Positive = 1


Placement = Dedicated | Packed
