"""Texts of a set form."""

import re
from collections.abc import Mapping
from typing import ClassVar, cast

from msgspec import Struct


class Formed(Struct):
    """Where there is a field named in *forms*, a string or a tuple of strings, each of them has that form.

    Not by ``Meta(pattern=...)``: with one in a union, a process crashes now and then as it ends (msgspec's issue 717).
    """

    forms: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        for field, form in self.forms.items():
            value: object = getattr(self, field, None)
            texts = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
            if not all(re.search(form, text) for text in texts if isinstance(text, str)):
                raise ValueError(f"`{field}` does not match the regex {form!r}")
