"""What shapes requests to a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from ..schema.facts import ModelFacts
from ..wire.media import MediaRules
from .config import Bedrock
from .content import MEDIA
from .model_families import ModelTraits, traits_of

_UNKNOWN = ModelFacts()


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, besides their settings.

    *given* are facts that take precedence over the documented ones. *source* is the ``Origin.source`` of its answers:
    what is signed or encrypted goes back to it alone. *config* has members of its own for each request.
    """

    model: str
    given: ModelFacts = _UNKNOWN
    source: str = ""
    config: Bedrock | None = None

    @classmethod
    def of(cls, config: Bedrock) -> Self:
        """The dialect of *config*, resolved."""
        return cls(config.model, config.facts, config.source, config)

    @cached_property
    def traits(self) -> ModelTraits:
        """What the id of the model shows."""
        return traits_of(self.model)

    @cached_property
    def facts(self) -> ModelFacts:
        """What is known of the model: given, or documented."""
        return self.given.or_else(self.traits.facts)

    @cached_property
    def media(self) -> MediaRules:
        """The images and documents that the model takes."""
        return MEDIA.of(self.facts)

    @cached_property
    def extra_body(self) -> Mapping[str, Any] | None:
        """The members that the config adds to each request."""
        return self.config.extra_body if self.config is not None else None

    def fixed_members(self, streaming: bool) -> dict[str, Any]:
        """The members that the config's own fields are."""
        config, members = self.config, dict[str, Any]()
        if config is None:
            return members
        if config.guardrail_id is not None:
            guardrail = {"guardrailIdentifier": config.guardrail_id, "guardrailVersion": config.guardrail_version}
            if config.guardrail_trace is not None:
                guardrail["trace"] = config.guardrail_trace
            if streaming and config.guardrail_streaming is not None:
                guardrail["streamProcessingMode"] = config.guardrail_streaming
            members["guardrailConfig"] = guardrail
        if config.latency is not None:
            members["performanceConfig"] = {"latency": config.latency}
        return members
