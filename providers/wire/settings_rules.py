"""What an API or a model takes of the settings, checked before anything is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..schema.checks.shown import short_name, shown
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Reasoning, Settings
from ..schema.tools import ProviderTool, Tool, ToolChoice, ToolNames

OPTIONAL_SETTINGS = ("verbosity", "prompt_cache_ttl", "prompt_cache_key", "user", "metadata", "service_tier")
"""Settings that only some APIs have. Each API names the ones that it has; the others are rejected."""

_SAMPLING_SETTINGS = ("temperature", "top_p", "top_k")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRules:
    """What *api*, named as in error messages, takes of the settings.

    *absent* are the settings that it does not have, each with a hint what to use instead, or with an empty text.
    Without *max_stop_sequences* or *tool_names* any number or any name is taken. With *one_tool_at_a_time* off, the
    API cannot be asked for one tool at a time. *present* are those of ``OPTIONAL_SETTINGS`` that it has.

    *provider* is the name that the API's own tools carry, ``None`` if it takes none. *strict_tools*, *deferred_tools*
    and *limits_tool_choice* say whether a ``Tool`` may be strict or deferred, and a ``ToolChoice`` limited to some of
    the tools.
    """

    api: str
    absent: Mapping[str, str] = field(default_factory=dict[str, str])
    max_temperature: float = 2
    max_stop_sequences: int | None = None
    tool_names: ToolNames | None = None
    tool_choice_modes: tuple[str, ...] = ("auto", "required", "none", "tool")
    one_tool_at_a_time: bool = True
    efforts: tuple[str, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    takes_thinking_budget: bool = True
    present: frozenset[str] = frozenset()
    provider: str | None = None
    strict_tools: bool = False
    deferred_tools: bool = False
    limits_tool_choice: bool = False

    def check(self, settings: Settings, model: str, facts: ModelFacts) -> None:
        """Reject what the API does not take, and what *model*, according to *facts*, is not able to do.

        Raises:
            InvalidConfig: the field is named.
        """
        absent = {**dict.fromkeys((name for name in OPTIONAL_SETTINGS if name not in self.present), ""), **self.absent}
        for name, hint in absent.items():
            if getattr(settings, name) not in (None, ()):
                raise InvalidConfig(name, f"{self.api} has no such setting{hint and f'; {hint}'}")
        if settings.temperature is not None and settings.temperature > self.max_temperature:
            raise InvalidConfig("temperature", f"{self.api} takes 0 to {self.max_temperature:g}")
        if self.max_stop_sequences is not None and len(settings.stop_sequences) > self.max_stop_sequences:
            raise InvalidConfig("stop_sequences", f"{self.api} takes up to {self.max_stop_sequences:,}")
        for number, tool in enumerate(settings.tools):
            self._check_tool(tool, f"tools[{number}]")
        if settings.tool_choice is not None:
            self._check_tool_choice(settings.tool_choice)
        if settings.thinking is not None:
            self._check_thinking(settings.thinking)
        check_abilities(settings, model, facts)

    def _check_tool(self, tool: Tool | ProviderTool, place: str) -> None:
        if isinstance(tool, ProviderTool):
            if tool.provider != self.provider:
                raise InvalidConfig(
                    place, f"{self.api} does not have {short_name(tool.provider)}'s tool {shown(tool.name)}; remove it"
                )
            return
        if self.tool_names is not None and not self.tool_names.fits(tool.name):
            raise InvalidConfig(f"{place}.name", f"{self.api} takes {self.tool_names.form}")
        if tool.strict and not self.strict_tools:
            raise InvalidConfig(f"{place}.strict", f"{self.api} does not hold tool input to a schema; leave it out")
        if tool.deferred and not self.deferred_tools:
            raise InvalidConfig(f"{place}.deferred", f"{self.api} has no tool search; leave it out")

    def _check_tool_choice(self, choice: ToolChoice) -> None:
        if choice.mode not in self.tool_choice_modes:
            hint = "; to rule tools out, give none" if choice.mode == "none" else ""
            raise InvalidConfig("tool_choice.mode", f"{self.api} takes {', '.join(self.tool_choice_modes)}{hint}")
        if choice.allowed and not self.limits_tool_choice:
            raise InvalidConfig(
                "tool_choice.allowed", f"{self.api} does not limit the choice; give only those tools in tools"
            )
        if not choice.parallel and not self.one_tool_at_a_time:
            raise InvalidConfig(
                "tool_choice.parallel", f"{self.api} cannot be limited to one tool at a time; leave it out"
            )

    def _check_thinking(self, thinking: Reasoning) -> None:
        if thinking.budget_tokens is not None and not self.takes_thinking_budget:
            instead = "an effort, not a budget" if self.efforts else "neither an effort nor a budget for this model"
            raise InvalidConfig("thinking.budget_tokens", f"{self.api} takes {instead}")
        if thinking.effort is not None and thinking.effort not in self.efforts:
            otherwise = "a budget, not an effort" if self.takes_thinking_budget else "no effort for this model"
            raise InvalidConfig("thinking.effort", f"{self.api} takes {', '.join(self.efforts) or otherwise}")


def check_abilities(settings: Settings, model: str, facts: ModelFacts) -> None:
    """Reject what *model*, according to *facts*, is not able to do. A config's own ``facts`` override the tables.

    Raises:
        InvalidConfig: the field is named.
    """
    if settings.tools and facts.uses_tools is False:
        raise InvalidConfig(
            "tools", f"{short_name(model)} does not support tools; leave them out, or choose another model"
        )
    if settings.thinking is not None and settings.thinking.effort != "none" and facts.thinks is False:
        raise InvalidConfig("thinking", f"{short_name(model)} does not think; remove it, or choose another model")
    if settings.thinking is not None and (effort := settings.thinking.effort) is not None:
        _check_effort(effort, model, facts)
    _check_sampling(settings, model, facts)
    forced = settings.tool_choice is not None and settings.tool_choice.mode in ("required", "tool")
    if forced and facts.takes_forced_tools is False:
        raise InvalidConfig(
            "tool_choice.mode",
            f"{short_name(model)} can't be forced to use a tool; give 'auto' and ask for the tool in the prompt",
        )
    if settings.output_schema is not None and facts.fits_schemas is False:
        raise InvalidConfig(
            "output_schema", f"{short_name(model)} does not support schemas; leave it out, or choose another model"
        )
    limit, wanted = facts.output_limit_tokens, settings.max_output_tokens
    if limit is not None and wanted is not None and wanted > limit:
        raise InvalidConfig("max_output_tokens", f"{short_name(model)} writes at most {limit:,} tokens")


def wants_thinking(settings: Settings, facts: ModelFacts) -> bool | None:
    """True if a model with *facts* thinks in a request with *settings*; ``None`` if that is unknown."""
    thinking = settings.thinking
    if thinking is not None and (thinking.effort is not None or thinking.budget_tokens is not None):
        return thinking.effort != "none"
    return facts.thinks_by_default


def _check_sampling(settings: Settings, model: str, facts: ModelFacts) -> None:
    match facts.takes_sampling:
        case False:
            problem = f"{short_name(model)} rejects sampling settings; remove it, and steer it by the prompt"
        case "without_thinking" if wants_thinking(settings, facts):
            problem = (
                f"{short_name(model)} rejects it while it thinks; remove it, or give thinking=Reasoning(effort='none')"
            )
        case _:
            return
    for name in _SAMPLING_SETTINGS:
        if getattr(settings, name) is not None:
            raise InvalidConfig(name, problem)


def _check_effort(effort: str, model: str, facts: ModelFacts) -> None:
    if facts.efforts is None or effort in facts.efforts:
        return
    if effort == "none" and facts.efforts:
        raise InvalidConfig(
            "thinking.effort", f"{short_name(model)} always thinks; give {facts.efforts[0]!r} for the least"
        )
    levels = ", ".join(level for level in facts.efforts if level != "none")
    instead = f"it takes {levels}" if levels else "give budget_tokens, or remove it"
    raise InvalidConfig("thinking.effort", f"{short_name(model)} does not take {effort!r}; {instead}")
