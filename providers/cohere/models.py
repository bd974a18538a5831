"""What Cohere documents about each model, by its family.

https://docs.cohere.com/docs/models and the pages of the models; https://docs.cohere.com/reference/chat for the
settings that only some models have.
"""

import re
from typing import NamedTuple

from ..schema.facts import ModelFacts

_family = re.compile(r"command-(a-plus|a-reasoning|a-vision|a-translate|a|r7b|r-plus|r)(?:-\d{2}-\d{4})?(?![a-z0-9])")

CITATION_MODES = ("enabled", "disabled", "fast", "accurate", "off")
SAFETY_MODES = ("contextual", "strict", "off")


class CohereRules(NamedTuple):
    """The rules for requests to one model. The defaults reject nothing.

    *takes_tool_choice*: it accepts a tool choice. *citation_modes* and *safety_modes* are the modes that it has.
    """

    facts: ModelFacts = ModelFacts()
    takes_tool_choice: bool = True
    citation_modes: tuple[str, ...] = CITATION_MODES
    safety_modes: tuple[str, ...] = SAFETY_MODES


def cohere_rules(model: str) -> CohereRules:
    """The rules for *model*: those of its family, whatever its date. Other names, as of tuned models, say nothing."""
    found = _family.search(model)
    return _FAMILIES[found[1]] if found else CohereRules()


def _facts(window: int, output: int, *, thinks: bool = False, images: bool | None = False) -> ModelFacts:
    return ModelFacts(
        context_limit_tokens=window,
        output_limit_tokens=output,
        takes_images=images,
        takes_documents=False,
        uses_tools=True,
        thinks=thinks,
        fits_schemas=True,
        efforts=("none", "high") if thinks else ("none",),
        thinking_types=("enabled", "disabled") if thinks else (),
        thinks_by_default=thinks,
        takes_sampling=True,
    )


_NEWER_SAFETY = ("contextual", "strict")  # "command-r7b-12-2024 and newer models"
_NOT_ACCURATE = tuple(mode for mode in CITATION_MODES if mode != "accurate")  # Command R7B and Command A
_OLD = CohereRules(_facts(128_000, 4_096), takes_tool_choice=False)

_FAMILIES = {
    "a-plus": CohereRules(_facts(128_000, 64_000, thinks=True, images=True), safety_modes=_NEWER_SAFETY),
    "a-reasoning": CohereRules(_facts(256_000, 32_000, thinks=True, images=None), safety_modes=_NEWER_SAFETY),
    "a-vision": CohereRules(
        ModelFacts(
            context_limit_tokens=128_000, takes_images=True, takes_documents=False, thinks=False, efforts=("none",)
        ),
        safety_modes=_NEWER_SAFETY,
    ),
    "a-translate": CohereRules(
        ModelFacts(takes_images=False, thinks=False, efforts=("none",)),
        safety_modes=_NEWER_SAFETY,
    ),
    "a": CohereRules(_facts(256_000, 8_000), citation_modes=_NOT_ACCURATE, safety_modes=_NEWER_SAFETY),
    "r7b": CohereRules(_facts(128_000, 4_096), citation_modes=_NOT_ACCURATE, safety_modes=_NEWER_SAFETY),
    "r-plus": _OLD,
    "r": _OLD,
}
