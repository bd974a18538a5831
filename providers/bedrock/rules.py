"""What Amazon Bedrock, or the model by its family, refuses of the settings, told before anything is sent."""

from ..schema.errors import InvalidConfig
from ..schema.request import Reasoning, Settings
from ..wire.model_abilities import check_abilities
from .content import TOOL_NAME
from .model_families import Family
from .requests import Dialect

_ABSENT = ("frequency_penalty", "presence_penalty", "seed")
_STOP_SEQUENCES = 2_500
_LEAST_BUDGET_TOKENS = 1_024
_LEAST_TOP_P_THINKING = 0.95
# For Claude https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html, for the others their
# makers' documents.
_EFFORTS = {
    Family.CLAUDE: ("low", "medium", "high", "xhigh", "max"),
    Family.NOVA: ("low", "medium", "high"),
    Family.GPT_OSS: ("low", "medium", "high"),
    Family.QWEN: ("low", "medium", "high"),
    Family.OTHER: (),
}


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Refuse what the API would refuse, what it has no word for, and what the model can't do.

    Raises:
        InvalidConfig: the field is named.
    """
    family = dialect.traits.family
    if settings.temperature is not None and settings.temperature > 1:
        raise InvalidConfig("temperature", "Bedrock takes 0 to 1")
    for name in _ABSENT:
        if getattr(settings, name) is not None:
            raise InvalidConfig(name, "Bedrock has none")
    if settings.top_k is not None and family not in (Family.CLAUDE, Family.NOVA):
        raise InvalidConfig("top_k", "on Bedrock Claude and Nova take it")
    if len(settings.stop_sequences) > _STOP_SEQUENCES or not all(settings.stop_sequences):
        raise InvalidConfig("stop_sequences", f"Bedrock takes up to {_STOP_SEQUENCES:,}, none of them empty")
    if settings.thinking is not None:
        _check_thinking(settings, settings.thinking, family)
    _check_tools(settings)
    check_abilities(settings, dialect.model, dialect.facts)


def _check_tools(settings: Settings) -> None:
    for number, tool in enumerate(settings.tools):
        if not TOOL_NAME.fits(tool.name):
            raise InvalidConfig(f"tools[{number}].name", "Bedrock takes up to 64 of a-z, A-Z, 0-9, _ and -")
    if settings.tool_choice is None:
        return
    # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html
    if settings.tool_choice.mode == "none":
        raise InvalidConfig("tool_choice.mode", "Bedrock has no word for none; give no tools")
    if not settings.tool_choice.parallel:
        raise InvalidConfig("tool_choice.parallel", "Bedrock has no word for one tool at a time")


def _check_thinking(settings: Settings, thinking: Reasoning, family: Family) -> None:
    efforts = _EFFORTS[family]
    if thinking.effort is not None and thinking.effort not in efforts:
        problem = f"the model takes {', '.join(efforts)}" if efforts else "Bedrock has no word for it for this model"
        raise InvalidConfig("thinking.effort", problem)
    if thinking.budget_tokens is None:
        return
    if family is not Family.CLAUDE:
        raise InvalidConfig("thinking.budget_tokens", "on Bedrock Claude takes it")
    _check_budget(settings, thinking.budget_tokens)


def _check_budget(settings: Settings, budget_tokens: int) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html."""
    if budget_tokens < _LEAST_BUDGET_TOKENS:
        raise InvalidConfig("thinking.budget_tokens", f"Claude takes {_LEAST_BUDGET_TOKENS} or more")
    if settings.max_output_tokens is not None and budget_tokens >= settings.max_output_tokens:
        raise InvalidConfig("thinking.budget_tokens", "it must be less than max_output_tokens")
    if settings.temperature not in (None, 1):
        raise InvalidConfig("temperature", "Claude takes none but 1 with a thinking budget")
    if settings.top_k is not None:
        raise InvalidConfig("top_k", "Claude takes none with a thinking budget")
    if settings.top_p is not None and settings.top_p < _LEAST_TOP_P_THINKING:
        raise InvalidConfig("top_p", f"Claude takes {_LEAST_TOP_P_THINKING} to 1 with a thinking budget")
    if settings.tool_choice is not None and settings.tool_choice.mode != "auto":
        raise InvalidConfig("tool_choice", "Claude takes auto with a thinking budget")
