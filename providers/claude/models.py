"""What Anthropic documents about each Claude model, by family and version.

https://platform.claude.com/docs/en/about-claude/models/overview, .../build-with-claude/adaptive-thinking, .../effort,
.../preserved-thinking, .../mid-conversation-system-messages and .../compaction-on-demand;
https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-search-tool; the migration guides of Opus 5.5 and
Sonnet 5.5.
"""

import re
from typing import NamedTuple

from ..schema.facts import ModelFacts

_name = re.compile(
    r"claude-(?:(?P<old>\d-\d|\d)-)?(?P<family>opus|sonnet|haiku|fable|mythos)"
    r"(?:-(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?)?(?!\d)"
)
_ALWAYS_NEWEST = ("fable", "mythos")


class ClaudeVersion(NamedTuple):
    """A model's *family* and version: ``("opus", 5, 5)`` is Opus 5.5."""

    family: str
    major: int
    minor: int

    @classmethod
    def of(cls, model: str) -> "ClaudeVersion | None":
        """The version in the name or id *model*, or ``None`` where it has none."""
        found = _name.search(model)
        if found is None:
            return None
        major, minor = found["major"], found["minor"]
        if found["old"]:  # claude-3-5-haiku
            major, _, minor = found["old"].partition("-")
        return cls(found["family"], int(major), int(minor or 0)) if major else None

    @property
    def number(self) -> tuple[int, int]:
        """The version, comparable."""
        return self.major, self.minor


def claude_facts(model: str) -> ModelFacts:
    """What is documented about *model*.

    A Claude model whose version is unknown or newer than these documents is assumed to be like the newest ones: it
    accepts adaptive thinking only, and no sampling settings. Nothing is known about other models.
    """
    if "claude" not in model:
        return ModelFacts()
    version = ClaudeVersion.of(model)
    if version is None:
        return _NEWEST
    family, number = version.family, version.number
    if number < (3, 7):
        return _OLDEST
    if number < (4, 6):
        return _with_budget(family, number)
    types = _thinking_types(family, number)
    efforts = ("low", "medium", "high", "max") if number < (4, 7) else ("low", "medium", "high", "xhigh", "max")
    return ModelFacts(
        context_limit_tokens=1_000_000,
        output_limit_tokens=128_000,
        takes_images=True,
        takes_documents=True,
        uses_tools=True,
        thinks=True,
        fits_schemas=True,
        efforts=efforts if types == ("adaptive",) else ("none", *efforts),
        thinking_types=types,
        thinks_by_default=number >= (5, 0),
        takes_sampling=number < (4, 7),
        takes_forced_tools=not (_is_preserving(family, number) and family != "haiku"),
        binds_thinking=_is_preserving(family, number),
        appends_prompts=family in _ALWAYS_NEWEST or number >= ((4, 8) if family == "opus" else (5, 5)),
        compacts=True,
        searches_tools=True,
    )


def takes_temperature_with_top_p(model: str) -> bool:
    """True unless *model* is known to reject a temperature together with top_p.

    https://platform.claude.com/docs/en/about-claude/models/migration-guide: since Opus 4.1 it takes one of them.
    """
    version = ClaudeVersion.of(model)
    return version is None or version.number < (4, 1)


def _thinking_types(family: str, number: tuple[int, int]) -> tuple[str, ...]:
    if number < (4, 7):
        return "adaptive", "enabled", "disabled"
    if family in _ALWAYS_NEWEST or (family == "opus" and number >= (5, 5)):
        return ("adaptive",)
    return ("adaptive", "between_tools") if family == "sonnet" and number >= (5, 5) else ("adaptive", "disabled")


def _is_preserving(family: str, number: tuple[int, int]) -> bool:
    """True if the model checks what precedes its thinking."""
    return number >= ((5, 1) if family in _ALWAYS_NEWEST else (5, 5))


def _with_budget(family: str, number: tuple[int, int]) -> ModelFacts:
    """Models that think with a budget of tokens, or not at all."""
    takes_effort = family == "opus" and number == (4, 5)
    return ModelFacts(
        context_limit_tokens=200_000,
        output_limit_tokens=32_000 if family == "opus" and number < (4, 5) else 64_000,
        takes_images=True,
        takes_documents=True,
        uses_tools=True,
        thinks=True,
        fits_schemas=number >= (4, 1),
        efforts=("none", "low", "medium", "high") if takes_effort else ("none",),
        thinking_types=("enabled", "disabled"),
        thinks_by_default=False,
        takes_sampling=True,
        takes_forced_tools=True,
        binds_thinking=False,
        appends_prompts=False,
        compacts=False,
        searches_tools=number >= (4, 0),
    )


_OLDEST = ModelFacts(
    context_limit_tokens=200_000,
    uses_tools=True,
    thinks=False,
    fits_schemas=False,
    efforts=("none",),
    thinking_types=(),
    thinks_by_default=False,
    takes_sampling=True,
    takes_forced_tools=True,
    binds_thinking=False,
    appends_prompts=False,
    compacts=False,
    searches_tools=False,
)
_NEWEST = ModelFacts(
    thinks=True,
    efforts=("low", "medium", "high", "xhigh", "max"),
    thinking_types=("adaptive",),
    thinks_by_default=True,
    takes_sampling=False,
    binds_thinking=True,
)
