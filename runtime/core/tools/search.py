"""Finding tools by words: BM25 over their names, descriptions and parameters."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, cast

from ....providers.schema.tools import Tool

FOUND_AT_MOST = 5
"""So many tools does a search find."""

_NAME_WEIGHT = 3
_SATURATION, _LENGTH_SHARE = 1.2, 0.75  # the k1 and b of BM25, as usual
_STOP_WORDS = frozenset(
    "a an and are be by can do for from have how i in is it me my of on or that the this to what with".split()  # noqa: SIM905
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


class ToolIndex:
    """The words of *tools*, counted once for all searches in them."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.tools = tuple(tools)
        self._counts = [Counter(_words_of(tool)) for tool in self.tools]
        self._lengths = [count.total() for count in self._counts]

    def search(self, query: str) -> list[Tool]:
        """The tools that fit *query* best, the best one first; one that is named in it comes before all others."""
        tools, counts = self.tools, self._counts
        usual = sum(self._lengths) / max(1, len(tools))
        scores = [0.0] * len(tools)
        for word in dict.fromkeys(_words(query)):
            having = sum(word in count for count in counts)
            weight = math.log(1 + (len(tools) - having + 0.5) / (having + 0.5))
            for number, count in enumerate(counts):
                if times := count[word]:
                    length = 1 - _LENGTH_SHARE + _LENGTH_SHARE * self._lengths[number] / usual
                    scores[number] += weight * times * (_SATURATION + 1) / (times + _SATURATION * length)
        named = set(re.findall(r"[\w.-]+", query))
        ranked = sorted(range(len(tools)), key=lambda each: (tools[each].name not in named, -scores[each], each))
        return [tools[each] for each in ranked if scores[each] or tools[each].name in named][:FOUND_AT_MOST]


def _words_of(tool: Tool) -> Iterator[str]:
    for _ in range(_NAME_WEIGHT):
        yield from _words(tool.name)
    yield from _words(tool.description)
    parameters: object = tool.input_schema.get("properties")
    for name, schema in (cast("dict[str, Any]", parameters) if isinstance(parameters, dict) else {}).items():
        yield from _words(name)
        if isinstance(schema, dict):
            yield from _words(str(cast("dict[str, Any]", schema).get("description", "")))


def _words(text: str) -> Iterable[str]:
    """The words of *text* and of the names in it, such as ``send_mail`` and ``sendMail``, without the s of plurals."""
    for word in _WORDS.findall(text):
        lower = word.lower()
        if lower not in _STOP_WORDS:
            yield lower[:-1] if len(lower) > 3 and lower.endswith("s") and not lower.endswith("ss") else lower
