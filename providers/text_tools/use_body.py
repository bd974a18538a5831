"""What is between the tags of a tool use."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from .parameters import UnreadableValue, property_schema, value_of
from .tags import CDATA, CDATA_END, PARAMETER, PARAMETER_END, USE_END, attributes, decoded

_PARAMETER = re.compile(rf"<{PARAMETER}((?:\s[^<>]*?)?)(/?)>")
_MAYBE_PARAMETER = re.compile(rf"<{PARAMETER}(?:\s[^<>]*)?")
_IN_VALUE = re.compile(rf"{re.escape(PARAMETER_END)}|{re.escape(CDATA)}")
_LINE_BREAKS = re.compile(r"\A\r?\n|\r?\n\Z")

_NO_OBJECT = "its input is not a JSON object"
_STRAY_TEXT = "there is something else than parameters in it"
_NO_NAME = "one of its parameters has no name"


class UseBody:
    """Reads the input of a tool use, parameters or one JSON object, by the *schema* of the tool's input."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.input: dict[str, Any] = {}
        self.problem: str | None = None
        """What is wrong with the input, for the model."""
        self._schema = schema
        self._raw: list[str] = []
        self._tail = ""
        self._read: Callable[[str], str | None] = self._between
        self._name = ""
        self._is_json = False
        self._value: list[tuple[str, bool]] = []  # pieces, and whether each is from a CDATA section
        self._is_over = False

    @property
    def raw(self) -> str:
        """All of it, as it was written."""
        return "".join(self._raw) + self._tail

    def read(self, data: str) -> str | None:
        """Read on. Returns what follows the end, or ``None`` if it has not come yet."""
        rest: str | None = self._tail + data
        self._tail = ""
        while rest:
            rest = self._read(rest)
            if self._is_over:
                return rest
        return None

    # Each of these reads from the beginning of the data, and returns what is to be read next, if there is more.

    def _between(self, data: str) -> str | None:
        text = data.lstrip()
        self._raw.append(data[: len(data) - len(text)])
        if text.startswith(USE_END):
            return self._end(text[len(USE_END) :])
        if found := _PARAMETER.match(text):
            self._raw.append(found[0])
            self._start_parameter(attributes(found[1]) or {}, is_whole=found[2] == "/")
            return text[found.end() :]
        if any(tag.startswith(text) for tag in (USE_END, f"<{PARAMETER}")) or _MAYBE_PARAMETER.fullmatch(text):
            self._tail = text
            return None
        if text.startswith("{") and not self.input and not self.problem:
            self._read = self._json
        else:
            self._fail(_STRAY_TEXT)
        return text

    def _in_value(self, data: str) -> str | None:
        found = _IN_VALUE.search(data)
        if found is None:
            self._keep(data, (PARAMETER_END, CDATA), lambda text: self._value.append((text, False)))
            return None
        self._value.append((data[: found.start()], False))
        self._raw.append(data[: found.end()])
        if found[0] == CDATA:
            self._read = self._in_cdata
        else:
            self._end_parameter()
        return data[found.end() :]

    def _in_cdata(self, data: str) -> str | None:
        end = data.find(CDATA_END)
        if end < 0:
            self._keep(data, (CDATA_END,), lambda text: self._value.append((text, True)))
            return None
        self._value.append((data[:end], True))
        self._raw.append(data[: end + len(CDATA_END)])
        self._read = self._in_value
        return data[end + len(CDATA_END) :]

    def _json(self, data: str) -> str | None:
        return self._to_end(data, self._value.append)

    def _ignored(self, data: str) -> str | None:
        return self._to_end(data, lambda piece: None)

    def _to_end(self, data: str, take: Callable[[tuple[str, bool]], object]) -> str | None:
        end = data.find(USE_END)
        if end < 0:
            self._keep(data, (USE_END,), lambda text: take((text, True)))
            return None
        take((data[:end], True))
        self._raw.append(data[:end])
        return self._end(data[end + len(USE_END) :])

    def _keep(self, data: str, marks: tuple[str, ...], take: Callable[[str], object]) -> None:
        """Take *data*, except for what may be the beginning of one of *marks* at its end."""
        kept = max(_overlap(data, mark) for mark in marks)
        text, self._tail = data[: len(data) - kept], data[len(data) - kept :]
        self._raw.append(text)
        take(text)

    def _start_parameter(self, found: dict[str, str], is_whole: bool) -> None:
        self._name, self._is_json = found.get("name", ""), found.get("type") == "json"
        self._value = []
        self._read = self._in_value
        if "name" not in found:
            self._fail(_NO_NAME)
        elif is_whole:
            self._end_parameter()

    def _end_parameter(self) -> None:
        self._read = self._between
        name = self._name
        if name in self.input:
            self.problem = self.problem or f"the parameter {name!r} is in it twice"
            return
        try:
            own = property_schema(self._schema, name)
            self.input[name] = value_of(_text(self._value), self._is_json, own, self._schema)
        except UnreadableValue as error:
            self.input[name] = None
            self.problem = self.problem or f"the parameter {name!r} {error}"

    def _fail(self, problem: str) -> None:
        self.problem = self.problem or problem
        self._read = self._ignored

    def _end(self, rest: str) -> str:
        self._is_over = True
        if self._read == self._json:
            self._read_object("".join(text for text, _ in self._value))
        if self.problem:
            self.input = {}
        return rest

    def _read_object(self, json: str) -> None:
        try:
            self.input = msgspec.json.decode(json, type=dict[str, Any])
            msgspec.msgpack.encode(self.input)  # integers of more than 64 bits don't get into events
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, OverflowError):
            self.problem = _NO_OBJECT


def _text(pieces: list[tuple[str, bool]]) -> str:
    """A value, without CDATA's marks. A line break after the first tag and before the last belongs to the tags."""
    if not any(is_cdata for _, is_cdata in pieces):
        return decoded(_LINE_BREAKS.sub("", "".join(text for text, _ in pieces)))
    merged: list[tuple[str, bool]] = []
    for text, is_cdata in pieces:
        if merged and merged[-1][1] == is_cdata:
            merged[-1] = merged[-1][0] + text, is_cdata
        else:
            merged.append((text, is_cdata))
    last = len(merged) - 1
    return "".join(
        text if is_cdata else "" if place in (0, last) and not text.strip() else decoded(text)
        for place, (text, is_cdata) in enumerate(merged)
    )


def _overlap(text: str, mark: str) -> int:
    """How much of *mark*, not all of it, *text* ends with."""
    return next((size for size in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:size])), 0)
