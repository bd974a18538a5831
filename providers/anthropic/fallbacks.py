"""An answer that a fallback model continues: which blocks of the model before it do not count.

https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback#continuing-the-conversation: thinking and
tool uses from before the last ``fallback`` block are left out when the answer is sent back, and so are blocks of the
API's own tools without their results.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

FALLBACK = "fallback"
_KEPT = (FALLBACK, "compaction")


class _Ids(msgspec.Struct):
    id: str | None = None
    tool_use_id: str | None = None


_ids = msgspec.json.Decoder(_Ids).decode


@dataclass(slots=True)
class AttemptBlocks:
    """The blocks that count only for the model that wrote them.

    *own* are the indexes of its thinking and tool uses, *opaque* the type and the JSON of the blocks that only the API
    understands.
    """

    own: set[int] = field(default_factory=set[int])
    opaque: dict[int, tuple[str, bytes]] = field(default_factory=dict[int, tuple[str, bytes]])

    def withdrawn(self) -> tuple[int, ...]:
        """The indexes of the blocks that do not count once another model continues."""
        links = {index: _link(kind, raw) for index, (kind, raw) in self.opaque.items()}
        return tuple(sorted(self.own | {index for index in links if not self._stays(index, links)}))

    def _stays(self, index: int, links: Mapping[int, str | None]) -> bool:
        """True for marks, and for a use of the API's own tools and its result, which come together."""
        link = links[index]
        return self.opaque[index][0] in _KEPT or (link is not None and list(links.values()).count(link) > 1)


def _link(kind: str, raw: bytes) -> str | None:
    """What a tool use and its result have in common: the id of the use."""
    if kind in _KEPT:
        return None
    try:
        ids = _ids(raw)
    except msgspec.DecodeError:
        return None
    return ids.tool_use_id or ids.id
