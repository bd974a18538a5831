"""Tool input that arrives in pieces, each with the path of its value.

Vertex AI sends it so if ``streamFunctionCallArguments`` is set:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tools/function-calling.
"""

import re
from itertools import pairwise
from typing import Any, cast

import msgspec

from .events import PartialArg

# The part of RFC 9535 that names a single value, such as $.foo.bar[0]['a b'].
_path = re.compile(r"""\$(?:\.[^.\[\]'"]+|\[\d+\]|\['[^']*'\]|\["[^"]*"\])+""")
_step = re.compile(r"""\.(?P<name>[^.\[\]'"]+)|\[(?P<index>\d+)\]|\[(?P<quoted>'[^']*'|"[^"]*")\]""")


class StreamedInput:
    """The input of one tool use so far."""

    def __init__(self) -> None:
        self._values: dict[str, list[Any]] = {}

    def add(self, piece: PartialArg) -> None:
        """Add *piece*.

        Raises:
            ValueError: its path is not one of a single value.
        """
        if not _path.fullmatch(piece.json_path):
            raise ValueError(f"not the path of an argument: {piece.json_path!r}")
        self._values.setdefault(piece.json_path, []).append(piece.value)

    def json(self) -> str:
        """The whole input.

        Raises:
            ValueError: the paths contradict each other.
        """
        root: dict[str, Any] = {}
        for path, pieces in self._values.items():
            texts = [piece for piece in pieces if isinstance(piece, str)]
            _store(root, path, "".join(texts) if len(texts) == len(pieces) else pieces[-1])
        return msgspec.json.encode(root).decode()


def _store(root: dict[str, Any], path: str, value: object) -> None:
    """Put *value* at *path* in *root*, and the objects and arrays around it if they are missing."""
    steps = [_key(found) for found in _step.finditer(path)]
    place: object = root
    for step, following in pairwise(steps):
        place = _member(place, step, [] if isinstance(following, int) else {})
    _member(place, steps[-1], value)


def _key(found: re.Match[str]) -> str | int:
    if found["index"] is not None:
        return int(found["index"])
    return found["name"] if found["name"] is not None else found["quoted"][1:-1]


def _member(place: object, step: str | int, value: object) -> object:
    """The member *step* of *place*, which becomes *value* if there is none yet."""
    if isinstance(place, dict) and isinstance(step, str):
        return cast("dict[str, object]", place).setdefault(step, value)
    if isinstance(place, list) and isinstance(step, int):
        items = cast("list[object]", place)
        if step == len(items):
            items.append(value)
        if step < len(items):
            return items[step]
    raise ValueError(f"an argument's path does not fit the others at {step!r}")
