"""Text and figures as commands print them."""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """*text* without control characters, with which a model could steer the terminal. Tabs and line feeds stay."""
    return _CONTROLS.sub("", text)


def one_line(text: str, max_chars: int) -> str:
    """The beginning of *text* in one line of at most *max_chars*."""
    line = printable(" ".join(text[: 2 * max_chars].split()))
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def format_tokens(count: int, exact: bool) -> str:
    """A number of tokens, marked with ``~`` if it is an estimate."""
    return f"{'' if exact else '~'}{count:,}"
