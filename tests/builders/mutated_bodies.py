"""Bodies of answers with something wrong in them, which still are what they were in most parts."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any, cast

from builders.eventstream import raw_frame

from rayconteur.providers.schema.errors import ProtocolError
from rayconteur.providers.transport.eventstream import FrameStream, split
from rayconteur.providers.transport.sse import EventStream

_DEEP: Any = json.loads("[" * 200 + "]" * 200)
_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 3, 2**63, 2**70, 1e308, float("inf"), float("nan"),
    "", "x", "null", "[DONE]", "\ud83d", "\x00", "é" * 200, "{", '{"a":', "error",
    [], {}, [None], [[]], {"": None}, {"type": "error"}, {"message": "no"}, _DEEP,
)  # fmt: skip

_Event = tuple[bytes, bytes]  # what stands before its payload, and that


def mutated(data: bytes, random: Random) -> bytes:
    """*data*, a stream or a whole answer, changed in some places that *random* chooses."""
    framed = b"\x00\x00" in data[:4]
    events = _frames(data) if framed else [(b"", event) for event in EventStream("any").feed(data)]
    if not events:
        return _json_mutated(data, random)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(events))
        match random.randrange(8):
            case 0 if len(events) > 1:
                del events[at]
            case 1:
                events.insert(at, events[random.randrange(len(events))])
            case 2:
                events[at], events[-1] = events[-1], events[at]
            case 3:
                del events[at + 1 :]
            case _:
                events[at] = (events[at][0], _json_mutated(events[at][1], random))
    if framed:
        return b"".join(raw_frame(*event) for event in events)
    return b"".join(b"data: %b\n\n" % payload for _, payload in events)


def _frames(data: bytes) -> list[_Event]:
    found: list[_Event] = []
    with suppress(ProtocolError):
        found.extend(map(split, FrameStream("any").feed(data)))
    return found


def _json_mutated(text: bytes, random: Random) -> bytes:
    """*text* with a value in it changed, or taken away; where it is no JSON, with a byte changed."""
    try:
        holder = [json.loads(text)]
    except (ValueError, RecursionError):
        return _bytes_mutated(text, random)
    for _ in range(random.randint(1, 3)):
        places = list(_places(holder))
        within, key = places[random.randrange(len(places))]
        if random.random() < 0.2 and within is not holder:
            del within[key]
        else:
            within[key] = deepcopy(random.choice(_ODD))
    return json.dumps(holder[0]).encode()


def _places(part: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Each place in *part*: the list or object that it is in, and its index or name there."""
    keys: list[Any] = []
    if isinstance(part, dict):
        keys += cast("dict[str, Any]", part)
    elif isinstance(part, list):
        keys += range(len(cast("Sequence[object]", part)))
    for key in keys:
        yield part, key
        if depth < 50:
            yield from _places(part[key], depth + 1)


def _bytes_mutated(text: bytes, random: Random) -> bytes:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.randbytes(random.randint(0, 4)) + text[at + random.randint(0, 4) :]
