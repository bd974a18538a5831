"""What OpenAI documents about each of its models, by family and version.

https://developers.openai.com/api/docs/models and the pages of the models there; the guides "Using GPT-6", "Using
GPT-5.4" (section "Parameter compatibility"), "Reasoning models", "Prompt caching", "Tool search", "Compaction" and
"Deprecations"; https://learn.microsoft.com/azure/foundry/openai/how-to/reasoning.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import msgspec

from ..schema.facts import ModelFacts

_NOTHING_KNOWN = ModelFacts()
Allowed = Literal["always", "without_thinking", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIModel:
    """What is specific to OpenAI about a model, besides its *facts*.

    *chat* and *responses* say whether these APIs serve it, *chat_tools* when it may use tools on Chat Completions.
    *takes_stop*: it accepts stop sequences and penalties. *verbosities* are the values of ``verbosity`` that it
    accepts. *has_pro_mode*: it accepts the ``reasoning.mode`` ``"pro"``; *has_cache_options*:
    ``prompt_cache_options``.

    The defaults are those of an unknown model: nothing is rejected.
    """

    facts: ModelFacts = _NOTHING_KNOWN
    chat: bool = True
    responses: bool = True
    chat_tools: Allowed = "always"
    takes_stop: bool = True
    verbosities: tuple[str, ...] = ("low", "medium", "high")
    has_pro_mode: bool = True
    has_cache_options: bool = True


def _like(model: OpenAIModel, **facts: Any) -> OpenAIModel:
    """A model like *model*, but with these *facts*."""
    return replace(model, facts=msgspec.structs.replace(model.facts, **facts))


_UNKNOWN = OpenAIModel()
_LOW_TO_HIGH = ("low", "medium", "high")
_LOW_TO_XHIGH = (*_LOW_TO_HIGH, "xhigh")
_LOW_TO_MAX = (*_LOW_TO_XHIGH, "max")  # the last one on the Responses API only

_SMALL: dict[str, Any] = {"context_limit_tokens": 128_000, "output_limit_tokens": 16_384}
_O_SERIES: dict[str, Any] = {"context_limit_tokens": 200_000, "output_limit_tokens": 100_000}
_MIDDLE: dict[str, Any] = {"context_limit_tokens": 400_000, "output_limit_tokens": 128_000}
_LARGE: dict[str, Any] = {"context_limit_tokens": 1_050_000, "output_limit_tokens": 128_000}

_FIRST = OpenAIModel(  # before there was reasoning
    facts=ModelFacts(
        thinks=False,
        efforts=("none",),
        thinks_by_default=False,
        takes_sampling=True,
        takes_forced_tools=True,
        searches_tools=False,
    ),
    verbosities=("medium",),
    has_pro_mode=False,
    has_cache_options=False,
)
_GPT_4 = _like(_FIRST, takes_images=True, uses_tools=True, fits_schemas=True)
_O = OpenAIModel(
    facts=ModelFacts(
        **_O_SERIES,
        uses_tools=True,
        thinks=True,
        fits_schemas=True,
        efforts=_LOW_TO_HIGH,
        thinks_by_default=True,
        takes_sampling=False,
        takes_forced_tools=True,
        searches_tools=False,
    ),
    takes_stop=False,
    verbosities=("medium",),
    has_pro_mode=False,
    has_cache_options=False,
)
_GPT_5 = replace(_like(_O, **_MIDDLE, takes_images=True, efforts=("minimal", *_LOW_TO_HIGH)), verbosities=_LOW_TO_HIGH)
_GPT_5_1 = _like(_GPT_5, efforts=("none", *_LOW_TO_HIGH), thinks_by_default=False, takes_sampling="without_thinking")
_GPT_5_2 = _like(_GPT_5_1, efforts=("none", *_LOW_TO_XHIGH), compacts=True)
_GPT_5_4 = replace(_like(_GPT_5_2, **_LARGE, searches_tools=True), chat_tools="without_thinking")
_GPT_5_5 = _like(_GPT_5_4, thinks_by_default=True)
_GPT_5_6 = replace(_like(_GPT_5_5, efforts=("none", *_LOW_TO_MAX)), has_pro_mode=True, has_cache_options=True)
_GPT_6_TERRA = replace(_GPT_5_6, chat_tools="never")  # with the effort none, sources disagree
_GPT_6_ASTRA = _like(_GPT_6_TERRA, efforts=_LOW_TO_MAX, takes_sampling=False)


def _on_responses(model: OpenAIModel, *efforts: str) -> OpenAIModel:
    """A variant of *model* that only the Responses API serves, and that always thinks."""
    return replace(_like(model, efforts=efforts, thinks_by_default=True, takes_sampling=False), chat=False)


_ONLY_RESPONSES = OpenAIModel(chat=False, takes_stop=False)

# The first pattern that matches the whole name, without its date, decides.
_MODELS: tuple[tuple[str, OpenAIModel], ...] = (
    (r"(chatgpt-4o|gpt-4o(-mini)?)(-latest)?", _like(_GPT_4, **_SMALL)),
    (r"gpt-4\.1(-mini|-nano)?", _like(_GPT_4, context_limit_tokens=1_047_576, output_limit_tokens=32_768)),
    (r".*(-audio|-search-preview).*", OpenAIModel(responses=False)),
    (r".*(-realtime|-transcribe|-tts|-image).*", _UNKNOWN),
    (r"gpt-(4|3\.?5)(-.*)?", _like(_FIRST, uses_tools=True)),  # recorded: the tables say no of GPT-3.5 Turbo
    (r"o\d(-mini)?-deep-research", _on_responses(_O, "medium")),
    (r"o\d(-mini)?-pro", _on_responses(_O, *_LOW_TO_HIGH)),
    (r"o\d-mini|o\d", _O),
    (r"gpt-5-chat(-latest)?", _like(replace(_GPT_4, verbosities=("medium",)), **_MIDDLE)),
    (
        r"gpt-5\.\d-chat(-latest)?",
        replace(_like(_GPT_5, **_SMALL, efforts=("medium",)), verbosities=("medium",)),
    ),
    (r"gpt-5-pro", _like(_on_responses(_GPT_5, "high"), output_limit_tokens=272_000)),
    (r"gpt-5(-mini|-nano)?", _GPT_5),
    (r"gpt-5(\.1)?-codex-max", _on_responses(_GPT_5, *_LOW_TO_XHIGH)),
    (r"gpt-5(\.1)?-codex(-mini)?|codex-mini(-latest)?", _on_responses(_GPT_5, *_LOW_TO_HIGH)),
    (r"gpt-5\.1", _GPT_5_1),
    (r"gpt-5\.[23]-codex.*", _on_responses(_GPT_5_2, *_LOW_TO_XHIGH)),
    (r"gpt-5\.2-pro", _on_responses(_GPT_5_2, "medium", "high", "xhigh")),
    (r"gpt-5\.[23]", _GPT_5_2),
    (r"gpt-5\.[45]-pro", _on_responses(_GPT_5_4, "medium", "high", "xhigh")),
    (r"gpt-5\.4-(mini|nano)", _like(_GPT_5_4, **_MIDDLE)),
    (r"gpt-5\.4", _GPT_5_4),
    (r"gpt-5\.5", _GPT_5_5),
    (r"gpt-.*(-cyber|-codex|-pro|-rosalind|-daybreak).*|gpt-(daybreak|rosalind)-.*", _ONLY_RESPONSES),
    (r"computer-use-preview", _ONLY_RESPONSES),
    (r"gpt-5\.6(-sol|-terra|-luna)?", _GPT_5_6),
    (r"gpt-6-(sol|luna)", _GPT_5_6),
    (r"gpt-6\.1-terra", _GPT_6_TERRA),
    (r"gpt-6-astra|gpt-6\.1-sol|gpt-6\.2-(sol|astra)", _GPT_6_ASTRA),
    # Later than these documents: assumed to accept no more than the newest known ones.
    (r"gpt-5\.\d+(-.*)?", _GPT_5_6),
    (r"gpt-([6-9]|\d\d)(\.\d+)?(-.*)?", _GPT_6_ASTRA),
)
_models = tuple((re.compile(pattern), model) for pattern, model in _MODELS)
_openai_name = re.compile(r"(ft:|chatgpt-|codex-|computer-use-|gpt-(?!oss)|o\d)")
_date = re.compile(r"-20\d\d-\d\d-\d\d\Z")
_fine_tuned = re.compile(r"ft:([^:]+):.*")
_aws_prefix = re.compile(r"([a-z-]+\.)?openai\.")


def is_openai_name(model: str) -> bool:
    """True if *model* is named as OpenAI names its models."""
    return _openai_name.match(_aws_prefix.sub("", model)) is not None


@lru_cache(maxsize=256)
def openai_model(name: str) -> OpenAIModel:
    """What is documented about the model *name*, which may have a date, be fine-tuned, or be AWS's id of it.

    A GPT that is newer than these documents is assumed to be like the newest ones. Nothing is known about names that
    are not OpenAI's.
    """
    base = _date.sub("", _fine_tuned.sub(r"\1", _aws_prefix.sub("", name)))
    return next((model for pattern, model in _models if pattern.fullmatch(base)), _UNKNOWN)
