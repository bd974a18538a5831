"""A tool use that is being received."""

import re
from dataclasses import dataclass, field

import msgspec

from ..content import ToolUse
from ..deltas import AnswerEnded

# An escaped backslash or a whole character; the half of a character, which alone means nothing (RFC 8259, 7).
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_surrogate = re.compile(rf"(\\\\|{_HIGH}{_LOW})|{_HIGH}|{_LOW}").sub


@dataclass(slots=True)
class ToolUseDraft:
    """A use of the tool *name*, and the *pieces* of its input so far; *problem* is why that can't be used."""

    id: str
    name: str
    pieces: list[str] = field(default_factory=list[str])
    problem: str | None = None

    def is_empty(self) -> bool:
        """True without input. Some servers announce the input that follows by an empty object."""
        return "".join(self.pieces).strip() in ("", "{}")

    def complete(self) -> ToolUse:
        """The tool use, if nothing follows."""
        json = "".join(self.pieces)
        if self.problem is not None:
            invalid = {"INVALID_JSON": json}
            return ToolUse(id=self.id, name=self.name, input=invalid, malformed=json, problem=self.problem)
        if "\\u" in json:
            json = _surrogate(lambda found: found[1] or "\\ufffd", json)
        try:
            # Some models send nothing for a tool without parameters.
            tool_input = msgspec.json.decode(json, type=dict[str, object]) if json else {}
            msgspec.msgpack.encode(tool_input)  # events and records are MessagePack, whose integers end at 64 bits
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, OverflowError):
            return ToolUse(id=self.id, name=self.name, input={"INVALID_JSON": json}, malformed=json)
        return ToolUse(id=self.id, name=self.name, input=tool_input)

    def cut_off(self, end: AnswerEnded, index: int) -> ToolUse:
        """The tool use, block *index*, that *end* may have cut off: complete only if the model's own text shows it."""
        use = self.complete()
        if self.problem is not None:
            return use
        if use.malformed is None and not (end.rewritten == index or self.is_empty()):
            return use
        json = "".join(self.pieces) if use.malformed is None else use.malformed
        return ToolUse(id=use.id, name=use.name, input={"INVALID_JSON": json}, malformed=json, cut_off=end.stop_reason)
