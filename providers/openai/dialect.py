"""Which of OpenAI's two APIs is spoken, with whom, and of what model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..schema.facts import ModelFacts
from ..schema.request import Reasoning
from ..wire.media import MediaRules
from .config import ApiName, ReasoningOptions
from .models import OpenAIModel, openai_model
from .rules import chat_media, responses_media

_UNKNOWN = ModelFacts()
_NO_OPTIONS = ReasoningOptions()
_UNKNOWN_MODEL = OpenAIModel()


@dataclass(frozen=True)
class Needs:
    """What a compatible server has said that it needs in Chat Completions.

    Each answer with its *thinking*, as ``reasoning_content``; each step's first tool call with one of Gemini's
    *signatures*; *answers* between the results of tools and a user message.
    """

    thinking: bool = False
    signatures: bool = False
    answers: bool = False

    def and_also(self, more: "Needs") -> "Needs":
        """These and *more*."""
        return Needs(self.thinking or more.thinking, self.signatures or more.signatures, self.answers or more.answers)


_NO_NEEDS = Needs()


@dataclass(frozen=True)
class Dialect:
    """*api* as *provider* has it for *model*.

    At OpenAI's *own* servers, and at Azure's, OpenAI's documents say what is taken; of others, as far as *facts* don't,
    nothing is known.

    *source* is the ``Origin.source`` of its answers: what is encrypted in others is not sent. Requests name the
    *deployment* as their model, where there is one. *reasoning* and *extra_body* are those of the config. Without
    *stream_options*, requests have no such member; it makes no difference to messages. *needs* is learned.
    """

    provider: str
    model: str
    own: bool = True
    facts: ModelFacts = _UNKNOWN
    api: ApiName = "chat"
    source: str = ""
    deployment: str = ""
    reasoning: ReasoningOptions = _NO_OPTIONS
    extra_body: Mapping[str, Any] | None = None
    needs: Needs = _NO_NEEDS
    stream_options: bool = field(default=True, compare=False)

    @cached_property
    def documented(self) -> OpenAIModel:
        """What OpenAI documents about the model; nothing at compatible servers."""
        return openai_model(self.model) if self.own else _UNKNOWN_MODEL

    @cached_property
    def known(self) -> ModelFacts:
        """The *facts*, and what OpenAI documents where they say nothing."""
        return self.facts.or_else(self.documented.facts)

    @cached_property
    def media(self) -> MediaRules:
        """What images and documents are taken."""
        rules = chat_media if self.api == "chat" else responses_media
        return rules(self.provider, self.own).of(self.known)

    @property
    def id_chars(self) -> int | None:
        """How long the id of a tool call may be in Chat Completions; at compatible servers no limit is known.

        "string too long. Expected a string with maximum length 40", says OpenAI. LiteLLM's ids hold Gemini's thought
        signatures, which are longer: https://github.com/BerriAI/litellm/pull/16895.
        """
        return 40 if self.own else None

    @property
    def sent_model(self) -> str:
        """What requests name as their model."""
        return self.deployment or self.model

    def effort(self, thinking: Reasoning | None) -> str | None:
        """The effort that a request names: none for a model that does not think, which has no such member."""
        if thinking is None or (self.own and self.known.thinks is False):
            return None
        return thinking.effort

    @property
    def limit_word(self) -> str:
        """The name of the limit to an answer: OpenAI's newer models refuse the old one, others know no other."""
        return "max_completion_tokens" if self.own else "max_tokens"
