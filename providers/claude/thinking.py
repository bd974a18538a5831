"""How thinking is requested from a Claude model, by the facts of the model.

https://platform.claude.com/docs/en/build-with-claude/thinking, .../adaptive-thinking, .../extended-thinking and
.../effort; "What's new in Claude Sonnet 5.5" for ``between_tools``.
"""

from typing import Any

from ..schema.checks.shown import short_name
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Reasoning, Settings
from .models import takes_temperature_with_top_p

_MIN_BUDGET_TOKENS = 1_024
_MIN_TOP_P = 0.95
_OFF = ("disabled", "between_tools")
"""The forms that turn thinking off, the preferred one first. No effort goes with them, as some stop at ``high``."""


def thinking_member(reasoning: Reasoning | None, facts: ModelFacts) -> dict[str, Any] | None:
    """The member ``thinking`` of a request, or ``None`` if it is left out: then the model's default applies.

    An effort is ``adaptive`` thinking where the model has that, a budget always ``enabled``. Of a model without known
    ``thinking_types`` only those forms are used that every Claude model had at some time: ``enabled`` and ``disabled``.
    """
    if reasoning is None:
        return None
    types = facts.thinking_types
    if reasoning.effort == "none":
        kind = "disabled" if types is None else next((kind for kind in _OFF if kind in types), None)
        return {"type": kind} if kind else None
    if reasoning.budget_tokens is not None:
        # Models that accept a budget show their thinking unless told otherwise.
        display = {} if reasoning.show else {"display": "omitted"}
        return {"type": "enabled", "budget_tokens": reasoning.budget_tokens, **display}
    if types is not None and "adaptive" in types:
        return {"type": "adaptive", "display": "summarized" if reasoning.show else "omitted"}
    return None


def effort_level(reasoning: Reasoning | None) -> str | None:
    """The effort of a request, ``None`` if it is left out: then the model's default applies."""
    if reasoning is None or reasoning.effort == "none":
        return None
    return reasoning.effort


def check_thinking(settings: Settings, model: str, facts: ModelFacts) -> None:
    """Reject thinking in a form that *model* does not have, and what Claude does not take together with thinking.

    ``SettingsRules.check`` has checked the effort, and whether the model takes sampling settings at all.

    Raises:
        InvalidConfig: the field is named.
    """
    _check_one_sampling_setting(settings, model)
    reasoning = settings.thinking
    if reasoning is None:
        return
    if reasoning.budget_tokens is not None:
        _check_budget(reasoning.budget_tokens, settings, model, facts)
    elif reasoning.effort is None and facts.thinking_types == ("enabled", "disabled"):
        raise InvalidConfig(
            "thinking", f"{short_name(model)} thinks only with a budget; give budget_tokens, or remove it"
        )
    member = thinking_member(reasoning, facts)
    if member is None or member["type"] in _OFF:
        return
    _check_sampling_with_thinking(settings)
    forced = settings.tool_choice is not None and settings.tool_choice.mode in ("required", "tool")
    if forced and member["type"] == "enabled":  # recorded: Opus 4.6 accepts it with adaptive thinking
        raise InvalidConfig(
            "tool_choice",
            "with a thinking budget, Claude can't be forced to use a tool; give 'auto' or 'none', or no budget",
        )


def _check_budget(budget_tokens: int, settings: Settings, model: str, facts: ModelFacts) -> None:
    if facts.thinking_types is not None and "enabled" not in facts.thinking_types:
        levels = [effort for effort in facts.efforts or () if effort != "none"]
        instead = f"an effort: {', '.join(levels)}" if levels else "an effort"
        raise InvalidConfig("thinking.budget_tokens", f"{short_name(model)} takes no budget; give {instead}")
    if budget_tokens < _MIN_BUDGET_TOKENS:
        raise InvalidConfig("thinking.budget_tokens", f"Claude takes {_MIN_BUDGET_TOKENS} or more")
    if settings.max_output_tokens is not None and budget_tokens >= settings.max_output_tokens:
        raise InvalidConfig("thinking.budget_tokens", "it must be less than max_output_tokens")
    if facts.output_limit_tokens is not None and budget_tokens >= facts.output_limit_tokens:
        limit = facts.output_limit_tokens
        raise InvalidConfig(
            "thinking.budget_tokens", f"{short_name(model)} writes at most {limit:,} tokens, thinking included"
        )


def _check_sampling_with_thinking(settings: Settings) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility"""
    if settings.temperature not in (None, 1):
        raise InvalidConfig("temperature", "while it thinks, Claude accepts only 1; leave it out")
    if settings.top_k is not None:
        raise InvalidConfig("top_k", "Claude rejects it together with thinking; remove one of them")
    if settings.top_p is not None and settings.top_p < _MIN_TOP_P:
        raise InvalidConfig("top_p", f"while it thinks, Claude takes {_MIN_TOP_P} to 1")


def _check_one_sampling_setting(settings: Settings, model: str) -> None:
    both = settings.temperature is not None and settings.top_p is not None
    if both and not takes_temperature_with_top_p(model):
        raise InvalidConfig("top_p", f"{short_name(model)} takes temperature or top_p, not both; remove one of them")
