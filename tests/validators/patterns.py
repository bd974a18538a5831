"""Strings that have to match a pattern."""

import re
from collections.abc import Mapping
from typing import ClassVar, cast

from msgspec import Struct

VISIBLE = r"[^\s\u200b-\u200f\u2060-\u2064\ufeff]"
"""In any text that is not blank: more than white space and zero-width characters."""


class PatternChecked(Struct):
    """A struct whose fields named in *patterns*, strings or tuples of strings, have to match these.

    ``Meta(pattern=...)`` is not used: with one in a union, a process may crash at exit (msgspec's issue 717).
    """

    patterns: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        for field, pattern in self.patterns.items():
            value: object = getattr(self, field, None)
            texts = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
            if not all(re.search(pattern, text) for text in texts if isinstance(text, str)):
                raise ValueError(f"`{field}` does not match the regex {pattern!r}")
