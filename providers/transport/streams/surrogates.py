"""Surrogates in the JSON of servers that cut a text between the two halves of a character, or lose one.

A character beyond the first 65,536 is two ``\\u`` escapes in JSON (RFC 8259, 7); alone, each of them means nothing.
"""

import re

_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# At the end and at the start of a string. A backslash before an escape that is itself escaped belongs to another one.
_find_first_half = re.compile(rb'(?<!\\)(?:\\\\)*(%b)"' % _HIGH).search
_find_second_half = re.compile(rb'(?<!\\)"(%b)' % _LOW).search
_replace = re.compile(rb"(\\\\|%b%b)|%b|%b" % (_HIGH, _LOW, _HIGH, _LOW)).sub
_REPLACEMENT = rb"\ufffd"


class SplitCharacter(Exception):
    """A text in an event ends with the first half of a character: the next event may have the second one."""


def ends_with_half(event: bytes) -> bool:
    """True if a string in *event* ends with the first half of a character."""
    return _find_first_half(event) is not None


def join_halves(first: bytes, second: bytes) -> tuple[bytes, bytes] | None:
    """The events *first* and *second* with the character that is split between them in *second*.

    ``None`` if no string in *second* starts with the second half of a character.
    """
    high, low = _find_first_half(first), _find_second_half(second)
    if high is None or low is None:
        return None
    at = low.start(1)
    return first[: high.start(1)] + first[high.end(1) :], second[:at] + high[1] + second[at:]


def without_lone_surrogates(event: bytes) -> bytes:
    """*event* with U+FFFD, the replacement character, for each half of a character whose other half is missing."""
    return _replace(lambda found: found[1] or _REPLACEMENT, event)
