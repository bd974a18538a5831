"""Finding tool uses in the text of an answer, as it arrives."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .lines import CodeFinder
from .tags import RESULT, USE, attributes
from .use_body import UseBody

_LONGEST_TAG = 300
_START = re.compile(rf"<{USE}(\s[^<>]*?)(/?)>")
_INVENTED = re.compile(rf"<{RESULT}[\s/>]")
_MAYBE_START = re.compile(rf"<{USE}(?:\s[^<>]*)?")


@dataclass(frozen=True, slots=True)
class UseStarted:
    """A use of the tool *name* starts."""

    name: str


@dataclass(frozen=True, slots=True)
class UseEnded:
    """The use has its *input*, or there is a *problem* with it: *raw* is what the model wrote between the tags."""

    input: dict[str, Any]
    raw: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The answer ended within the use; *raw* is what there is of it."""

    raw: str


@dataclass(frozen=True, slots=True)
class Over:
    """The rest of the answer is not read: it goes on after the last use that it may have, or invents a result."""

    reason: Literal["limit", "invented"]


Piece = str | UseStarted | UseEnded | Unfinished | Over
"""A string is text for the reader."""

_Read = Callable[[str], str]


class ToolUseParser:
    """Reads an answer that may use *tools*, the schemas of their inputs by name, *max_calls* times.

    However the text is cut into pieces, the result is the same; a piece is read once. White space around tool uses is
    left out.
    """

    def __init__(self, tools: Mapping[str, dict[str, Any]], max_calls: int) -> None:
        self.uses = 0
        self.over = False
        self._tools = tools
        self._max_calls = max_calls
        self._code = CodeFinder()
        self._body: UseBody | None = None
        self._tail = ""  # the beginning of what may be a tag
        self._held = ""  # white space that is left out if a tool use follows
        self._follows_use = False
        self._pieces: list[Piece] = []

    def feed(self, text: str) -> list[Piece]:
        """Read on. After ``Over`` there is nothing more."""
        data, self._tail = self._tail + text, ""
        while data and not self.over:
            data = self._read_body(data, self._body) if self._body else self._read_text(data)
        return self._taken()

    def flush(self) -> list[Piece]:
        """The block of text is complete: what looked like the beginning of a tag is none."""
        if self._body is None and not self.over:
            tail, self._tail = self._tail, ""
            self._put(tail)
            if self._held and not self.over:
                self._pieces.append(self._held)
                self._held = ""
        return self._taken()

    def finish(self) -> list[Piece]:
        """The answer is complete."""
        pieces = self.flush()
        if self._body is not None:
            pieces.append(Unfinished(self._body.raw + self._tail))
            self._body = None
        return pieces

    def drop_use(self) -> None:
        """Forget the tool use that has started: it is withdrawn."""
        self._body = None
        self._tail = ""

    def _taken(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _read_body(self, data: str, body: UseBody) -> str:
        rest = body.read(data)
        if rest is None:
            return ""
        self._end_use(body)
        return rest

    def _read_text(self, data: str) -> str:
        """Read text up to a tool use, or to its end. Returns what is to be read next."""
        shown = 0
        while (start := data.find("<", shown)) >= 0:
            self._put(data[shown:start])
            if self.over:
                return ""
            if self.uses >= self._max_calls:
                self._stop("limit")
            elif self._code.in_code:
                pass
            elif found := _START.match(data, start):
                name = (attributes(found[1]) or {}).get("name")
                if name is not None and len(found[0]) <= _LONGEST_TAG:
                    self._start_use(name, is_whole=found[2] == "/")
                    return data[found.end() :]
            elif self.uses and _INVENTED.match(data, start):
                self._stop("invented")
            elif len(data) - start <= _LONGEST_TAG and _may_become_tag(data[start:]):
                self._tail = data[start:]
                return ""
            self._put("<")
            shown = start + 1
        self._put(data[shown:])
        return ""

    def _put(self, text: str) -> None:
        """Text for the reader; nothing after the end."""
        if not text or self.over:
            return
        if self.uses >= self._max_calls and not text.isspace():
            self._stop("limit")
            return
        self._code.add(text)
        if self._follows_use:
            text = text.lstrip()
            self._follows_use = not text
        text = self._held + text
        shown = text.rstrip()
        self._held = text[len(shown) :]
        if shown:
            self._pieces.append(shown)

    def _start_use(self, name: str, is_whole: bool) -> None:
        self.uses += 1
        self._held = ""
        self._pieces.append(UseStarted(name))
        self._body = UseBody(self._tools.get(name, {}))
        if is_whole:
            self._end_use(self._body)

    def _end_use(self, body: UseBody) -> None:
        self._body = None
        self._follows_use = True
        self._code.start_line()
        self._pieces.append(UseEnded(body.input, body.raw, body.problem))

    def _stop(self, reason: Literal["limit", "invented"]) -> None:
        self.over = True
        self._held = self._tail = ""
        self._pieces.append(Over(reason))


def _may_become_tag(data: str) -> bool:
    """True if *data* is the beginning of a tag of the protocol."""
    return any(f"<{name}".startswith(data) for name in (USE, RESULT)) or _MAYBE_START.fullmatch(data) is not None
