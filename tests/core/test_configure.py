"""Changing settings."""

import msgspec
import pytest

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api.config import OnInterrupt, SessionConfig
from rayconteur.runtime.api.messages import Configure
from rayconteur.runtime.core.configure import changed, fields, refuse_misfit

CONFIG = SessionConfig(
    provider=Anthropic(model="claude", base_url="http://localhost"),
    system="be brief",
    temperature=0.5,
    on_interrupt=OnInterrupt.KEEP,
)
EVERYTHING = Configure(
    provider=OpenAI(model="gpt"),
    model="gpt-2",
    system="be long",
    max_output_tokens=7,
    tools=(Tool(name="look"),),
    tool_choice=ToolChoice(mode="required"),
    temperature=1.0,
    top_p=0.5,
    top_k=5,
    frequency_penalty=0.25,
    presence_penalty=0.75,
    seed=3,
    output_schema={"type": "object"},
    prompt_caching=False,
    thinking=Reasoning(effort="low"),
    stop_sequences=("stop",),
    streaming=False,
)


def names(struct: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(struct)}


def test_every_setting_can_be_changed_and_nothing_else() -> None:
    assert names(Configure) - {"next"} == names(Settings) | {"provider", "model", "compaction", "compact_eagerly"}


def test_all_that_is_given_takes_its_place() -> None:
    config = changed(CONFIG, EVERYTHING)

    assert config.provider == OpenAI(model="gpt-2")
    for name in names(Settings):
        assert getattr(config, name) == getattr(EVERYTHING, name)


def test_what_is_given_is_told_by_name() -> None:
    assert set(fields(EVERYTHING)) == names(Settings) | {"provider", "model"}
    assert fields(Configure(system=None, next="turn")) == ("system",)
    assert fields(Configure()) == ()


def test_what_is_not_given_stays() -> None:
    assert changed(CONFIG, Configure()) == CONFIG
    assert changed(CONFIG, Configure(max_output_tokens=7)) == msgspec.structs.replace(CONFIG, max_output_tokens=7)


def test_what_is_known_of_a_model_goes_with_it() -> None:
    known = ModelFacts(context_limit_tokens=5)

    assert changed(CONFIG, Configure(model="claude-2"), known).provider.facts == known
    assert changed(CONFIG, Configure(system="a"), known).provider.facts == ModelFacts()


def test_none_sets_a_thing_back_to_the_providers_default() -> None:
    config = changed(CONFIG, Configure(system=None, temperature=None))

    assert (config.system, config.temperature) == (None, None)


def test_a_model_alone_keeps_all_else_of_the_provider() -> None:
    assert changed(CONFIG, Configure(model="claude-2")).provider == Anthropic(
        model="claude-2", base_url="http://localhost"
    )


@pytest.mark.parametrize(
    "provider",
    [Scripted(), Anthropic(model="a"), OpenAI(model="o"), AzureOpenAI(deployment="d", resource="r", api_key="k")],
    ids=lambda provider: provider.name,
)
def test_a_change_that_is_not_refused_fits_every_provider(
    provider: Scripted | Anthropic | OpenAI | AzureOpenAI,
) -> None:
    change = Configure(model="m")
    refuse_misfit(change)

    assert changed(msgspec.structs.replace(CONFIG, provider=provider), change).provider.model == "m"


def test_a_model_without_a_name_fits_none() -> None:
    with pytest.raises(InvalidConfig, match="model"):
        refuse_misfit(Configure(model=""))
