"""What Google documents about each Gemini model, by family and version.

https://ai.google.dev/gemini-api/docs/models, .../thinking, .../whats-new-gemini-3.6 and .../caching;
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models: "Thinking", and the pages of the models.
"""

import re
from typing import NamedTuple

import msgspec

from ..schema.facts import ModelFacts

_name = re.compile(r"(?:^|/)gemini-(?:(?P<major>\d+)(?:\.(?P<minor>\d+))?-)?(?P<rest>[a-z-]+)")
_FAMILIES = ("flash-lite", "flash", "pro", "argon", "carbon", "hydrogen")
_LATEST = {"flash": (3, 8), "flash-lite": (3, 5), "pro": (3, 1)}  # what gemini-flash-latest and so on stand for
_WINDOW_TOKENS, _OUTPUT_TOKENS = 1_048_576, 65_536

LEVEL, BUDGET = "thinkingLevel", "thinkingBudget"
"""The two members that say how much to think: ``ModelFacts.thinking_types`` lists those that a model takes."""

EFFORT_BUDGETS = {"low": 1_024, "medium": 8_192, "high": 24_576}
"""The budgets that Google gives OpenAI's efforts on Gemini 2.5: https://ai.google.dev/gemini-api/docs/openai."""


_UNKNOWN = ModelFacts()


class GeminiVersion(NamedTuple):
    """A model's *family* and version: ``("flash", (3, 8))``. *draws*: it makes images."""

    family: str
    number: tuple[int, int]
    draws: bool = False

    @classmethod
    def of(cls, model: str) -> "GeminiVersion | None":
        """The version in the name or resource name *model*; ``None`` where it has none."""
        found = _name.search(model)
        if found is None:
            return None
        rest = found["rest"]
        family = next((family for family in _FAMILIES if rest.startswith(family)), rest)
        if found["major"]:
            return cls(family, (int(found["major"]), int(found["minor"] or 0)), "image" in rest)
        return cls(family, _LATEST[family]) if rest == f"{family}-latest" and family in _LATEST else None


class GeminiRules(NamedTuple):
    """The rules for requests to one model. The defaults reject nothing.

    *budget_tokens* are the least and the most of a thinking budget. *needs_signatures*: it rejects tool uses without a
    signature. *takes_result_media*: the results of tools may hold media. *takes_functions*: it accepts tools that the
    program runs. *combines_tools*: they may come with a schema and with Google's own tools, which it then reports.
    *validates_calls*: it has the mode ``VALIDATED``. *takes_penalties*, *takes_caches*: it accepts frequency and
    presence penalties, and explicit caches.
    """

    facts: ModelFacts = ModelFacts()
    budget_tokens: tuple[int, int] | None = None
    needs_signatures: bool = False
    takes_result_media: bool = False
    takes_functions: bool = True
    combines_tools: bool = True
    validates_calls: bool = True
    takes_penalties: bool = True
    takes_caches: bool = True


def gemini_rules(model: str, vertex: bool, given: ModelFacts = _UNKNOWN) -> GeminiRules:
    """The rules for *model*, at Vertex AI or at the Gemini API, whose facts are those *given* where these are known.

    A model that is newer than these documents is assumed to be like the newest one. A name without a version, such as
    that of a tuned model, says nothing: it is like Gemini 3 if the facts given have its thinking type.
    """
    rules = _documented(model, vertex)
    if rules is None:
        is_gemini_3 = LEVEL in (given.thinking_types or ())
        rules = GeminiRules(needs_signatures=is_gemini_3, takes_result_media=is_gemini_3)
    return rules._replace(facts=given.or_else(rules.facts))


def _documented(model: str, vertex: bool) -> GeminiRules | None:
    version = GeminiVersion.of(model)
    if version is None:
        return _GEMMA if "gemma" in model else None
    if version.number < (2, 5):
        return _OLD
    if version.number < (3, 0):
        return _with_budget(version)
    is_later = version.number >= (3, 6) or (version.family == "flash-lite" and version.number >= (3, 5))
    return GeminiRules(
        facts=_facts(version, _efforts(version, vertex), (LEVEL, BUDGET)),
        needs_signatures=True,
        takes_result_media=True,
        takes_functions=not version.draws,
        validates_calls=not version.draws,
        takes_penalties=not is_later,
        takes_caches=version.number < (4, 0),
    )


def _efforts(version: GeminiVersion, vertex: bool) -> tuple[str, ...]:
    family, number = version.family, version.number
    if version.draws:
        return ("minimal", "high") if not vertex and number >= (3, 1) else ("minimal", "low", "medium", "high")
    if family == "hydrogen":
        return "low", "medium", "high", "xhigh"
    if family == "flash-lite" or (family == "flash" and number < (3, 7)):
        return "minimal", "low", "medium", "high"
    if family == "pro" and number == (3, 0):
        return "low", "high"
    # Vertex AI turns the thinking of Gemini 3.1 Pro off with a budget of 0, which the Gemini API rejects.
    return (*(("none",) if vertex and (family, number) == ("pro", (3, 1)) else ()), "low", "medium", "high")


def _facts(version: GeminiVersion, efforts: tuple[str, ...], thinking_types: tuple[str, ...]) -> ModelFacts:
    return ModelFacts(
        context_limit_tokens=None if version.draws else _WINDOW_TOKENS,
        output_limit_tokens=None if version.draws else _OUTPUT_TOKENS,
        takes_images=True,
        takes_documents=True,
        uses_tools=None if version.draws else True,
        thinks=bool(thinking_types),
        fits_schemas=None if version.draws else True,
        efforts=efforts,
        thinking_types=thinking_types,
        thinks_by_default=bool(thinking_types) and (version.family, version.number) != ("flash-lite", (2, 5)),
        takes_sampling=True,  # from Gemini 3.6 Flash and 3.5 Flash-Lite on it has no effect
    )


def _with_budget(version: GeminiVersion) -> GeminiRules:
    """Gemini 2.5."""
    if version.draws:
        facts = msgspec.structs.replace(_facts(version, ("none",), ()), uses_tools=False)
        return GeminiRules(facts, combines_tools=False, validates_calls=False)
    budgets = {"pro": (128, 32_768), "flash-lite": (512, 24_576), "flash": (1, 24_576)}
    always_thinks = version.family == "pro"
    return GeminiRules(
        facts=_facts(version, (*(() if always_thinks else ("none",)), *EFFORT_BUDGETS), (BUDGET,)),
        budget_tokens=budgets.get(version.family),
        combines_tools=False,
    )


_OLD = GeminiRules(
    ModelFacts(thinks=False, efforts=("none",), thinking_types=(), thinks_by_default=False, takes_sampling=True),
    combines_tools=False,
    validates_calls=False,
)
_GEMMA = GeminiRules(_OLD.facts)
