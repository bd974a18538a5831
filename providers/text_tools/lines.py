"""Which part of an answer is code in Markdown: what looks like a tag there is an example."""

import re

_FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)", re.DOTALL)
_TICKS = re.compile("`+")


class CodeFinder:
    """Follows the lines of a text."""

    __slots__ = ("_fence", "_line")

    def __init__(self) -> None:
        self._line: list[str] = []
        self._fence = ""

    def add(self, text: str) -> None:
        """Read on."""
        *ended, rest = text.split("\n")
        for line in ended:
            self._line.append(line)
            self._end_line()
        if rest:
            self._line.append(rest)

    def start_line(self) -> None:
        """What follows is not on the line of what was before."""
        self._line.clear()

    @property
    def in_code(self) -> bool:
        """True within a fenced block, and within backticks on one line."""
        if self._fence:
            return True
        if not any("`" in piece for piece in self._line):
            return False
        return len(_TICKS.findall("".join(self._line))) % 2 == 1

    def _end_line(self) -> None:
        """https://spec.commonmark.org/0.31.2/#fenced-code-blocks, with any indentation, as in lists."""
        found = _FENCE.match("".join(self._line))
        self._line.clear()
        if found is None:
            return
        marks, rest = found.groups()
        if not self._fence:
            self._fence = "" if marks[0] == "`" and "`" in rest else marks
        elif marks[0] == self._fence[0] and len(marks) >= len(self._fence) and not rest.strip():
            self._fence = ""
