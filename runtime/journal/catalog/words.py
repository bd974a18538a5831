"""The words of a text, for the search: the same in every store."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")

_LONGEST = 100
"""Longer ones are encoded data, mostly."""


def words_of(text: str) -> list[str]:
    """The words in *text*, each once: letters and digits in a row, whatever their case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return list(dict.fromkeys(word for word in _WORD.findall(folded) if len(word) <= _LONGEST))
