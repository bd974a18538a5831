"""What differs between the families of models on Amazon Bedrock. A model's id shows its family."""

import re
from dataclasses import dataclass
from enum import StrEnum

_find_id = re.compile(r"(?:^|[./])(anthropic\.claude|amazon\.nova|openai\.gpt-oss|qwen\.)[\w.-]*", re.ASCII).search

# https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html#prompt-caching-models: all other models
# reject requests with cache points. Every Claude since 3.7 supports them.
_find_uncached = re.compile(r"claude-(?:v\d|instant|3-(?:sonnet|haiku|opus)|3-5-sonnet-20240620)", re.ASCII).search


class Family(StrEnum):
    """The families whose models take some settings in fields of their own."""

    CLAUDE = "anthropic.claude"
    NOVA = "amazon.nova"
    GPT_OSS = "openai.gpt-oss"
    QWEN = "qwen."
    OTHER = ""


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What a model's id shows. *caches* is true if the model supports cache points."""

    family: Family
    caches: bool

    @property
    def caches_tools(self) -> bool:
        """True if cache points are supported after tools, too: not by Nova."""
        return self.caches and self.family is Family.CLAUDE


def traits_of(model: str) -> ModelTraits:
    """The traits of *model*: an id, with or without a region prefix, or an ARN that contains one.

    The ARN of an application inference profile contains none: such a model is of the family ``OTHER``.
    """
    match = _find_id(model)
    family = Family(match[1]) if match else Family.OTHER
    caches = family is Family.NOVA or (family is Family.CLAUDE and not _find_uncached(model))
    return ModelTraits(family, caches)
