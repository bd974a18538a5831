"""Mutated bodies of answers, most of which is still valid."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any, cast

from builders.eventstream import raw_frame

from rayconteur.providers.schema.errors import ProtocolError
from rayconteur.providers.transport.streams.eventstream import FrameStream, split
from rayconteur.providers.transport.streams.sse import EventStream

_DEEP: Any = json.loads("[" * 200 + "]" * 200)
_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 3, 2**63, 2**70, 1e308, float("inf"), float("nan"),
    "", "x", "null", "[DONE]", "\ud83d", "\x00", "é" * 200, "{", '{"a":', "error",
    [], {}, [None], [[]], {"": None}, {"type": "error"}, {"message": "no"}, _DEEP,
)  # fmt: skip

_Event = tuple[bytes, bytes]  # the headers and the payload


def mutate_body(data: bytes, random: Random) -> bytes:
    """*data*, a stream or a whole answer, changed in a few places that *random* chooses."""
    is_event_stream = b"\x00\x00" in data[:4]
    events = _frames(data) if is_event_stream else [(b"", event) for event in EventStream("any").feed(data)]
    if not events:
        return _mutate_json(data, random)
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
                events[at] = (events[at][0], _mutate_json(events[at][1], random))
    if is_event_stream:
        return b"".join(raw_frame(*event) for event in events)
    return b"".join(b"data: %b\n\n" % payload for _, payload in events)


def _frames(data: bytes) -> list[_Event]:
    events: list[_Event] = []
    with suppress(ProtocolError):
        events.extend(map(split, FrameStream("any").feed(data)))
    return events


def _mutate_json(text: bytes, random: Random) -> bytes:
    """*text* with a value changed or removed or, if it is not JSON, with bytes changed."""
    try:
        holder = [json.loads(text)]
    except (ValueError, RecursionError):
        return _mutate_bytes(text, random)
    for _ in range(random.randint(1, 3)):
        places = list(_places(holder))
        container, key = places[random.randrange(len(places))]
        if random.random() < 0.2 and container is not holder:
            del container[key]
        else:
            container[key] = deepcopy(random.choice(_ODD))
    return json.dumps(holder[0]).encode()


def _places(part: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Each value in *part*, as the list or object that holds it and its index or name there."""
    keys: list[Any] = []
    if isinstance(part, dict):
        keys += cast("dict[str, Any]", part)
    elif isinstance(part, list):
        keys += range(len(cast("Sequence[object]", part)))
    for key in keys:
        yield part, key
        if depth < 50:
            yield from _places(part[key], depth + 1)


def _mutate_bytes(text: bytes, random: Random) -> bytes:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.randbytes(random.randint(0, 4)) + text[at + random.randint(0, 4) :]
