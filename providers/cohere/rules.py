"""What Cohere's models take, checked before anything is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from ..schema.checks.shown import short_name
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Settings
from ..schema.tools import Tool
from ..wire.media import MediaRules
from ..wire.settings_rules import SettingsRules
from .config import Cohere
from .content import MEDIA
from .models import CohereRules, cohere_rules

_RULES = SettingsRules(
    api="Cohere",
    absent={"service_tier": "give priority in the config"},
    max_stop_sequences=5,
    tool_choice_modes=("auto", "required", "none"),
    one_tool_at_a_time=False,
    efforts=("none", "high"),
    strict_tools=True,
)
_MAX_TOP_K = 500
_MIN_TOP_P, _MAX_TOP_P = 0.01, 0.99
_MAX_STRICT_FIELDS = 200
_UNKNOWN = ModelFacts()


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, about which *facts* are known.

    *members* are those that the config adds to each request.
    """

    model: str
    facts: ModelFacts = _UNKNOWN
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def rules(self) -> CohereRules:
        """What is documented about the model; its facts are those of *facts*, where these are known."""
        documented = cohere_rules(self.model)
        return documented._replace(facts=self.facts.or_else(documented.facts))

    @cached_property
    def media(self) -> MediaRules:
        """The images that the model takes."""
        return MEDIA.of(self.rules.facts)


def check_modes(config: Cohere) -> None:
    """Reject modes that the model does not have.

    Raises:
        InvalidConfig: the field is named.
    """
    rules = cohere_rules(config.model)
    for name, modes in (("citation_mode", rules.citation_modes), ("safety_mode", rules.safety_modes)):
        if getattr(config, name) not in (None, *modes):
            raise InvalidConfig(f"provider.{name}", f"{short_name(config.model)} takes {', '.join(modes)}")


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    _check_numbers(settings)
    _check_thinking(settings)
    if settings.output_schema is not None and settings.tools:
        raise InvalidConfig("output_schema", "Cohere accepts a schema or tools, not both; remove one")
    if settings.output_schema is not None and "documents" in dialect.members:
        raise InvalidConfig("output_schema", "Cohere accepts a schema or documents in extra_body, not both; remove one")
    if settings.tools and "safety_mode" in dialect.members:
        raise InvalidConfig("tools", "Cohere accepts tools or provider.safety_mode, not both; remove one")
    _RULES.check(settings, dialect.model, dialect.rules.facts)
    forced = settings.tool_choice is not None and settings.tool_choice.mode != "auto"
    if settings.tools and forced and not dialect.rules.takes_tool_choice:
        problem = (
            f"{short_name(dialect.model)} takes none; give the tools that it may use, or no tools, or a newer model"
        )
        raise InvalidConfig("tool_choice.mode", problem)
    _check_strict([tool for tool in settings.tools if isinstance(tool, Tool)])


def _check_numbers(settings: Settings) -> None:
    """The ranges are those of the reference. That one penalty excludes the other is known from the API's errors.

    https://docs.cohere.com/reference/errors
    """
    if settings.top_p is not None and not _MIN_TOP_P <= settings.top_p <= _MAX_TOP_P:
        raise InvalidConfig("top_p", f"Cohere takes {_MIN_TOP_P} to {_MAX_TOP_P}")
    if settings.top_k is not None and settings.top_k > _MAX_TOP_K:
        raise InvalidConfig("top_k", f"Cohere takes up to {_MAX_TOP_K}")
    if settings.seed is not None and settings.seed < 0:
        raise InvalidConfig("seed", "Cohere accepts 0 or more")
    for name in ("frequency_penalty", "presence_penalty"):
        if not 0 <= (getattr(settings, name) or 0) <= 1:
            raise InvalidConfig(name, "Cohere takes 0 to 1")
    if settings.frequency_penalty and settings.presence_penalty:
        raise InvalidConfig("presence_penalty", "Cohere accepts this or frequency_penalty, not both; remove one")


def _check_thinking(settings: Settings) -> None:
    """Cohere has no levels; its OpenAI-compatible API takes these two: https://docs.cohere.com/docs/compatibility-api."""
    thinking = settings.thinking
    if thinking is None:
        return
    if thinking.effort not in (None, "none", "high"):
        raise InvalidConfig("thinking.effort", "Cohere takes none and high; for less than high, give budget_tokens")
    if thinking.effort is not None and thinking.budget_tokens is not None:
        raise InvalidConfig("thinking", "Cohere takes either an effort or a budget")
    if not thinking.show and thinking.effort != "none":
        raise InvalidConfig("thinking.show", "Cohere shows all thinking; leave it out")


def _check_strict(tools: list[Tool]) -> None:
    """https://docs.cohere.com/docs/structured-outputs: the switch is for all tools of a request."""
    strict = [tool.strict for tool in tools]
    if not any(strict):
        return
    if not all(strict):
        place = f"tools[{strict.index(False)}].strict"
        raise InvalidConfig(place, "Cohere holds all tools to their schemas or none; give it for all, or for none")
    for number, tool in enumerate(tools):
        if not tool.input_schema.get("required"):
            raise InvalidConfig(f"tools[{number}].strict", "Cohere takes strict tools with a required parameter only")
    if sum(len(_properties(tool)) for tool in tools) > _MAX_STRICT_FIELDS:
        raise InvalidConfig("tools", f"Cohere takes strict tools with up to {_MAX_STRICT_FIELDS} fields in all")


def _properties(tool: Tool) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", tool.input_schema.get("properties") or {})
