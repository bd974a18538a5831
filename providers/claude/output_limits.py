"""How many tokens a Claude model may write where the settings don't say: the API wants a number."""

from ..schema.facts import ModelFacts
from ..schema.request import Settings
from .thinking import effort_level, thinking_member

MAX_OUTPUT_TOKENS = 8_192
"""Room for the text of an answer. Every model that is still served writes this many."""

_WITH_THINKING = 32_000
_WITH_HIGHEST_EFFORT = 64_000
"""https://platform.claude.com/docs/en/build-with-claude/effort recommends to start with this at these levels."""
_HIGHEST_EFFORTS = ("xhigh", "max")


def default_output_tokens(settings: Settings, facts: ModelFacts) -> int:
    """The output limit of a request whose settings have none.

    Thinking counts as output: a budget comes on top of the text, and a model that decides itself how much it thinks
    gets more room, also if it does so by default. It is never more than the model can write.
    """
    wanted = _wanted(settings, facts)
    return wanted if facts.output_limit_tokens is None else min(wanted, facts.output_limit_tokens)


def _wanted(settings: Settings, facts: ModelFacts) -> int:
    thinking = thinking_member(settings.thinking, facts)
    if thinking is not None and thinking["type"] == "enabled":
        budget_tokens: int = thinking["budget_tokens"]
        return MAX_OUTPUT_TOKENS + budget_tokens
    thinks = facts.thinks_by_default if thinking is None else thinking["type"] == "adaptive"
    if not thinks:
        return MAX_OUTPUT_TOKENS
    return _WITH_HIGHEST_EFFORT if effort_level(settings.thinking) in _HIGHEST_EFFORTS else _WITH_THINKING
