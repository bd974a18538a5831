"""The labels of a session: whose it is, and what it is about."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ....providers.schema.checks.field_checks import check_fields
from ....providers.schema.checks.shown import short_repr, shown
from ....providers.schema.errors import InvalidConfig
from ..validation import encode_for_transfer

EVERY_OWNER = "*"
"""In place of an owner, where a rule is for each of them."""

LIMIT_BYTES = 16 << 10
"""The labels of a session are in each list of sessions."""

Name = Annotated[str, Meta(max_length=200)]
Title = Annotated[str, Meta(max_length=1_000)]
Tag = Annotated[str, Meta(min_length=1, max_length=100)]


class Labels(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a session is labelled: by these, the catalog lists it. No provider gets them.

    *owner* is who it belongs to, such as a user's id, and *project* what it belongs to. *title* is for people. A
    session has up to 50 *tags*. *metadata* is the program's own. All of it takes 16 KiB at most.
    """

    __repr__ = short_repr

    owner: Name = ""
    project: Name = ""
    title: Title = ""
    tags: Annotated[tuple[Tag, ...], Meta(max_length=50)] = ()
    metadata: dict[str, str] = {}

    def __post_init__(self) -> None:
        check_fields(self, "labels")
        tags: Any = tuple(dict.fromkeys(self.tags))  # a list is accepted, too
        msgspec.structs.force_setattr(self, "tags", tags)
        listed_by = (("owner", self.owner), ("project", self.project), *(("tags", tag) for tag in self.tags))
        if zero := [field for field, text in listed_by if "\0" in text]:
            raise InvalidConfig(f"labels.{zero[0]}", "leave out the zero byte: PostgreSQL has no text with one")
        if self.owner == EVERY_OWNER:
            raise InvalidConfig("labels.owner", f"{shown(EVERY_OWNER)} stands for every owner; give the name of one")
        if (size_bytes := len(encode_for_transfer(self, "labels"))) > LIMIT_BYTES:
            raise InvalidConfig("labels", f"they take {size_bytes:,} bytes; the limit is {LIMIT_BYTES:,}")
