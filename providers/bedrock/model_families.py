"""What differs between the families of models on Amazon Bedrock. A model's id shows its family and version."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import msgspec

from ..claude.models import ClaudeVersion, claude_facts
from ..schema.facts import ModelFacts

_UNKNOWN = ModelFacts()


class Family(StrEnum):
    """The families of which something is documented that Converse does not have for all."""

    CLAUDE = "anthropic.claude"
    NOVA = "amazon.nova"
    GPT_OSS = "openai.gpt-oss"
    GPT = "openai.gpt"
    GROK = "xai.grok"
    DEEPSEEK = "deepseek."
    QWEN = "qwen."
    GLM = "zai.glm"
    KIMI = "moonshot.kimi"
    LLAMA = "meta.llama"
    MISTRAL = "mistral."
    PALMYRA = "writer.palmyra"
    OTHER = ""


class ThinkingField(StrEnum):
    """The member of ``additionalModelRequestFields`` that says how much a model thinks."""

    CLAUDE = "thinking"
    NOVA = "reasoningConfig"
    EFFORT = "reasoning_effort"
    NESTED_EFFORT = "reasoning"
    """An object with the effort: OpenAI's form since GPT-5."""
    QWEN = "reasoning_config"


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What a model's id shows.

    *thinking_field* is ``None`` for models that have no form for it; *default_effort* is what turns thinking on if no
    effort is given, ``None`` for models that think by default. *caches* is true if the model supports cache points,
    *caches_long* if it keeps them for an hour, too. *facts* are what is documented of it.
    """

    family: Family
    thinking_field: ThinkingField | None = None
    default_effort: str | None = None
    caches: bool = False
    caches_long: bool = False
    facts: ModelFacts = _UNKNOWN

    @property
    def caches_tools(self) -> bool:
        """True if cache points are supported after tools, too: not by Nova."""
        return self.caches and self.family is Family.CLAUDE

    @property
    def takes_citations(self) -> bool:
        """False if the model rejects documents that are to be cited."""
        return self.family not in (Family.NOVA, Family.LLAMA, Family.MISTRAL, Family.DEEPSEEK)


_THREE = ("low", "medium", "high")
_FOUR = (*_THREE, "xhigh")
_FIVE = (*_FOUR, "max")


def _always(*efforts: str, takes_sampling: bool | None = None) -> ModelFacts:
    return ModelFacts(thinks=True, thinks_by_default=True, efforts=efforts, takes_sampling=takes_sampling)


def _optional(*efforts: str) -> ModelFacts:
    return ModelFacts(thinks=True, thinks_by_default=False, efforts=("none", *efforts))


_NEVER = ModelFacts(thinks=False, thinks_by_default=False, efforts=("none",))
_SILENT = ModelFacts(thinks=True, thinks_by_default=True, efforts=())
"""Always thinks, and takes no setting for it."""
_GPT = ModelFacts(thinks=True, thinks_by_default=True, efforts=("none", *_FOUR), takes_sampling=False)

# The first that fits counts. The sources: for Nova "Extended thinking in Amazon Nova 2" of its user guide; for OpenAI's
# models, Grok and GLM their model cards in the user guide of Bedrock; for Qwen, DeepSeek and Kimi their makers'
# documents. Which of these fields Converse accepts was reported by clients that were run against it. Nova and Llama are
# not among the models of https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html; MiniMax is.
_TABLE: tuple[tuple[str, ModelTraits], ...] = (
    (
        r"amazon\.nova-2",
        ModelTraits(
            Family.NOVA,
            ThinkingField.NOVA,
            "medium",
            caches=True,
            facts=msgspec.structs.replace(_optional(*_THREE), fits_schemas=False),
        ),
    ),
    (
        r"amazon\.nova",
        ModelTraits(Family.NOVA, caches=True, facts=msgspec.structs.replace(_NEVER, fits_schemas=False)),
    ),
    (r"openai\.gpt-oss", ModelTraits(Family.GPT_OSS, ThinkingField.EFFORT, facts=_always(*_THREE))),
    (
        # Later models than in AWS's documents are assumed to be like these, as OpenAI documents of GPT-6.2.
        r"openai\.gpt-(?:6-astra|6\.1-sol|6\.[2-9]|[7-9]|\d\d)",
        ModelTraits(Family.GPT, ThinkingField.NESTED_EFFORT, facts=_always(*_FIVE, takes_sampling=False)),
    ),
    (
        r"openai\.gpt-(?:5\.[0-5](?!\d)|5(?![.\d]))",
        ModelTraits(Family.GPT, ThinkingField.NESTED_EFFORT, facts=_GPT),
    ),
    (
        r"openai\.gpt-\d",
        ModelTraits(
            Family.GPT,
            ThinkingField.NESTED_EFFORT,
            facts=msgspec.structs.replace(_GPT, efforts=("none", *_FIVE)),
        ),
    ),
    (
        r"xai\.grok-4\.3",
        ModelTraits(Family.GROK, ThinkingField.NESTED_EFFORT, facts=ModelFacts(thinks=True, efforts=("none", *_THREE))),
    ),
    (
        r"xai\.grok",
        ModelTraits(Family.GROK, ThinkingField.NESTED_EFFORT, facts=_always(*_FOUR, takes_sampling=False)),
    ),
    (r"deepseek\.r1", ModelTraits(Family.DEEPSEEK, facts=msgspec.structs.replace(_SILENT, uses_tools=False))),
    (r"deepseek\.v", ModelTraits(Family.DEEPSEEK, ThinkingField.EFFORT, "high", facts=_optional(*_THREE))),
    (r"qwen\.qwen3-coder", ModelTraits(Family.QWEN, facts=_NEVER)),
    (r"qwen\.", ModelTraits(Family.QWEN, ThinkingField.QWEN, "high", facts=_optional(*_THREE))),
    (r"zai\.glm-(?:4|5(?![.\d]))", ModelTraits(Family.GLM, ThinkingField.EFFORT, "high", facts=_optional("high"))),
    (r"zai\.glm", ModelTraits(Family.GLM, ThinkingField.EFFORT, facts=_always(*_FIVE))),
    (
        r"moonshot(?:ai)?\.kimi-k2",
        ModelTraits(Family.KIMI, ThinkingField.EFFORT, facts=ModelFacts(thinks=True, efforts=("low", "high", "max"))),
    ),
    (
        r"moonshot(?:ai)?\.kimi",
        ModelTraits(Family.KIMI, ThinkingField.EFFORT, facts=ModelFacts(thinks=True, efforts=("none", *_FIVE))),
    ),
    (r"meta\.llama", ModelTraits(Family.LLAMA, facts=msgspec.structs.replace(_NEVER, fits_schemas=False))),
    (r"mistral\.(?!magistral)", ModelTraits(Family.MISTRAL, facts=_NEVER)),
    (r"mistral\.", ModelTraits(Family.MISTRAL)),
    (r"writer\.palmyra", ModelTraits(Family.PALMYRA)),
    (r"minimax\.", ModelTraits(Family.OTHER, facts=ModelFacts(fits_schemas=True))),
)
_FAMILIES = tuple((re.compile(rf"(?:^|[./]){pattern}", re.ASCII).search, traits) for pattern, traits in _TABLE)
_find_claude = re.compile(r"(?:^|[./])claude-", re.ASCII).search

# https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html#prompt-caching-models: all other models
# reject requests with cache points. Every Claude since 3.7 supports them, and since 4.5 for an hour, too.
_find_uncached = re.compile(r"claude-(?:v\d|instant|3-(?:sonnet|haiku|opus)|3-5-sonnet-20240620)", re.ASCII).search
_find_first_claude = re.compile(r"claude-(?:v\d|instant)", re.ASCII).search
_LONG_CACHE = (4, 5)


@lru_cache(maxsize=256)
def traits_of(model: str) -> ModelTraits:
    """The traits of *model*: an id, with or without a region prefix, or an ARN that contains one.

    The ARN of an application inference profile contains none: such a model is of the family ``OTHER``.
    """
    if _find_claude(model):
        return _claude(model)
    return next((traits for search, traits in _FAMILIES if search(model)), ModelTraits(Family.OTHER))


def _claude(model: str) -> ModelTraits:
    version = ClaudeVersion.of(model)
    return ModelTraits(
        Family.CLAUDE,
        ThinkingField.CLAUDE,
        caches=not _find_uncached(model),
        caches_long=version is None or version.number >= _LONG_CACHE,
        facts=_claude_facts(model, version),
    )


def _claude_facts(model: str, version: ClaudeVersion | None) -> ModelFacts:
    """What is documented of Claude, as Converse serves it.

    It has no compaction and no tool search. It serves structured output from 4.5 on, and not of Fable and Mythos
    (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html). Opus 4.7 does not take ``disabled``
    thinking there, and does not think unless asked to (.../claude-messages-adaptive-thinking.html). The API has
    messages of the role ``system``, but AWS does not say for which models: changed prompts are not appended.
    """
    if _find_first_claude(model):  # of the time before families and versions
        return ModelFacts(thinks=False, efforts=("none",), fits_schemas=False, takes_sampling=True)
    facts = claude_facts(model)
    unserved = version is not None and (version.number < (4, 5) or version.family in ("fable", "mythos"))
    return msgspec.structs.replace(
        facts,
        compacts=False,
        searches_tools=False,
        appends_prompts=False,
        fits_schemas=False if unserved else facts.fits_schemas,
        thinking_types=("adaptive",) if version == ("opus", 4, 7) else facts.thinking_types,
    )
