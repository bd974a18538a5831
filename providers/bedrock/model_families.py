"""What the families of models on Amazon Bedrock have of their own, told by a model's id."""

import re
from dataclasses import dataclass
from enum import StrEnum

_id = re.compile(r"(?:^|[./])(anthropic\.claude|amazon\.nova|openai\.gpt-oss|qwen\.)[\w.-]*", re.ASCII).search

# https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html#prompt-caching-models: others than these
# refuse a request with a mark in it. All of Claude since 3.7 takes them.
_too_old = re.compile(r"claude-(?:v\d|instant|3-(?:sonnet|haiku|opus)|3-5-sonnet-20240620)", re.ASCII).search


class Family(StrEnum):
    """Those models that are asked for some things in words of their own."""

    CLAUDE = "anthropic.claude"
    NOVA = "amazon.nova"
    GPT_OSS = "openai.gpt-oss"
    QWEN = "qwen."
    OTHER = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a model by its id. *caches* is whether it takes marks of what is to be cached."""

    family: Family
    caches: bool

    @property
    def caches_tools(self) -> bool:
        """Whether tools may be marked, too: not with Nova."""
        return self.caches and self.family is Family.CLAUDE


def kind_of(model: str) -> Kind:
    """The kind of *model*: an id, with a region before it or not, or an ARN that has one in it.

    The ARN of an application's own inference profile says nothing: such a model is of no family.
    """
    found = _id(model)
    family = Family(found[1]) if found else Family.OTHER
    caches = family is Family.NOVA or (family is Family.CLAUDE and not _too_old(model))
    return Kind(family, caches)
