"""Which of OpenAI's two APIs is spoken, with whom, and of what model."""

from dataclasses import dataclass
from functools import cached_property

from ..schema.facts import ModelFacts
from ..wire.media import MediaRules
from .config import ApiName
from .rules import chat_media, responses_media

_UNKNOWN = ModelFacts()


@dataclass(frozen=True)
class Dialect:
    """*api* as *provider* has it for *model*.

    At OpenAI's *own* servers, and at Azure's, OpenAI's documents say what is taken; of others, as far as *facts* don't,
    nothing is known.
    """

    provider: str
    model: str
    own: bool = True
    facts: ModelFacts = _UNKNOWN
    api: ApiName = "chat"

    @cached_property
    def media(self) -> MediaRules:
        """What images and documents are taken."""
        rules = chat_media if self.api == "chat" else responses_media
        return rules(self.provider, self.own).of(self.facts)

    @property
    def limit_word(self) -> str:
        """The name of the limit to an answer: OpenAI's newer models refuse the old one, others know no other."""
        return "max_completion_tokens" if self.own else "max_tokens"
