"""What Amazon Bedrock takes of the settings, by the family of the model."""

from dataclasses import replace

from ..claude.thinking import check_thinking
from ..schema.errors import InvalidConfig
from ..schema.request import Settings
from ..wire.settings_rules import SettingsRules, ToolNames
from .content import TOOL_NAME
from .model_families import Family
from .requests import Dialect

_ABSENT = dict.fromkeys(("frequency_penalty", "presence_penalty", "seed"), "")
_OTHER = SettingsRules(
    api="Bedrock",
    absent={**_ABSENT, "top_k": "only its Claude and Nova models have it"},
    max_temperature=1,
    max_stop_sequences=2_500,
    tool_names=ToolNames(TOOL_NAME.fits, TOOL_NAME.form),
    # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html
    tool_choice_modes=("auto", "required", "tool"),
    one_tool_at_a_time=False,
    efforts=(),
    takes_thinking_budget=False,
)
# For Claude https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html, for the others their
# makers' documents.
_THREE_EFFORTS = ("low", "medium", "high")
_RULES = {
    Family.CLAUDE: replace(
        _OTHER, absent=_ABSENT, efforts=("low", "medium", "high", "xhigh", "max"), takes_thinking_budget=True
    ),
    Family.NOVA: replace(_OTHER, absent=_ABSENT, efforts=_THREE_EFFORTS),
    Family.GPT_OSS: replace(_OTHER, efforts=_THREE_EFFORTS),
    Family.QWEN: replace(_OTHER, efforts=_THREE_EFFORTS),
    Family.OTHER: _OTHER,
}


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    _RULES[dialect.traits.family].check(settings, dialect.model, dialect.facts)
    if not all(settings.stop_sequences):
        raise InvalidConfig("stop_sequences", "Bedrock rejects empty ones; remove them")
    if dialect.traits.family is Family.CLAUDE:
        check_thinking(settings, dialect.model, dialect.facts)
