"""What Converse has no member for: ``additionalModelRequestFields``, in the form of each model's maker.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html. The API rejects unknown fields.
"""

from typing import Any

from ..claude.thinking import effort_level, thinking_member
from ..schema.facts import ModelFacts
from ..schema.request import Reasoning, Settings
from ..schema.tools import ToolChoice
from .model_families import Family, ModelTraits, ThinkingField

_CLAUDE_MODES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
# Opus 4.5 alone has efforts as a beta: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-effort.html.
_EFFORT_BETA = "effort-2025-11-24"
BETAS = "anthropic_beta"


def request_fields(settings: Settings, traits: ModelTraits, facts: ModelFacts) -> dict[str, Any]:
    """The fields for *settings*; empty if there are none."""
    fields: dict[str, Any] = {}
    if traits.thinking_field is ThinkingField.CLAUDE:
        fields |= _claude_thinking(settings.thinking, facts)
    elif traits.thinking_field is not None and settings.thinking is not None:
        fields |= _effort(settings.thinking, traits.thinking_field, traits.default_effort)
    top_k, choice = settings.top_k, settings.tool_choice
    if top_k is not None and traits.family is Family.NOVA:
        fields["inferenceConfig"] = {"topK": top_k}
    elif top_k is not None:
        fields["top_k"] = top_k
    if traits.family is Family.CLAUDE and settings.tools and choice is not None and not is_converse_choice(choice):
        fields["tool_choice"] = _claude_choice(choice)
    return fields


def is_converse_choice(choice: ToolChoice) -> bool:
    """True if Converse's own ``toolChoice`` can say it: it has no ``none`` and no way to ask for one tool at a time.

    Claude takes both in its own form. There must not be a ``toolChoice`` then.
    """
    return choice.mode != "none" and choice.parallel


def _claude_thinking(reasoning: Reasoning | None, facts: ModelFacts) -> dict[str, Any]:
    """Claude's own members.

    Converse has another place for the effort, ``outputConfig.effort``. AWS's examples for Claude 5.5 (the notebooks of
    aws-samples/anthropic-on-aws) and the recorded exchanges have it here, beside the thinking that it belongs to.
    """
    fields: dict[str, Any] = {}
    if thinking := thinking_member(reasoning, facts):
        fields["thinking"] = thinking
    if effort := effort_level(reasoning):
        fields["output_config"] = {"effort": effort}
        if facts.thinking_types == ("enabled", "disabled"):
            fields[BETAS] = [_EFFORT_BETA]
    return fields


def _effort(reasoning: Reasoning, field: ThinkingField, default_effort: str | None) -> dict[str, Any]:
    effort = reasoning.effort or default_effort
    if effort is None:
        return {}
    match field:
        case ThinkingField.NOVA if effort == "none":
            return {field: {"type": "disabled"}}
        case ThinkingField.NOVA:
            return {field: {"type": "enabled", "maxReasoningEffort": effort}}
        case ThinkingField.NESTED_EFFORT:
            return {field: {"effort": effort}}
        case _:
            return {field: effort}


def _claude_choice(choice: ToolChoice) -> dict[str, Any]:
    name = {"name": choice.name} if choice.name is not None else {}
    one = {} if choice.parallel or choice.mode == "none" else {"disable_parallel_tool_use": True}
    return {"type": _CLAUDE_MODES[choice.mode], **name, **one}
