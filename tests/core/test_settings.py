"""Changes to a session's settings."""

import msgspec
import pytest

from rayconteur.compaction import Window
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Approval, TextTools, Tool, ToolChoice, ToolStart
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api.catalog.labels import Labels
from rayconteur.runtime.api.config import SessionConfig, SessionSettings
from rayconteur.runtime.api.fleet.followed_template import FollowedTemplate
from rayconteur.runtime.api.messages import Configure
from rayconteur.runtime.api.settings.changes import TurnSettings, given_settings
from rayconteur.runtime.api.settings.policies import (
    DeferTools,
    Limits,
    OnCrash,
    OnInterrupt,
    OnMaxSteps,
    OnRefusal,
    RetryPolicy,
    WhenBusy,
)
from rayconteur.runtime.core.settings import changed_config

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
    tool_protocol="text",
    text_tools=TextTools(max_calls=3),
    temperature=1.0,
    top_p=0.5,
    top_k=5,
    frequency_penalty=0.25,
    presence_penalty=0.75,
    seed=3,
    output_schema={"type": "object"},
    verbosity="low",
    prompt_caching=False,
    prompt_cache_ttl="1h",
    prompt_cache_key="ravens",
    user="u1",
    metadata={"team": "birds"},
    service_tier="flex",
    on_refusal=OnRefusal.DISCARD,
    on_crash=OnCrash.FAIL,
    thinking=Reasoning(effort="low"),
    stop_sequences=("stop",),
    streaming=False,
    approve=Approval.ALWAYS,
    on_max_steps=OnMaxSteps.ANSWER,
    max_parallel_tools=2,
    approval_timeout_s=5.0,
    results_timeout_s=6.0,
    defer_tools=DeferTools.NEVER,
    start_tools=ToolStart.STREAMING,
    compaction=Window(keep_recent_turns=3),
    compact_eagerly=True,
    when_busy=WhenBusy.REJECT,
    on_interrupt=OnInterrupt.DISCARD,
    discard_refused=True,
    auto_continue=3,
    max_steps=7,
    retry=RetryPolicy(max_attempts=1),
    limits=Limits(waiting_messages=7),
    passivate_after_s=8.0,
    labels=Labels(owner="poe"),
    template=FollowedTemplate(name="support", version=2, overrides=("system",)),
)
SETTINGS = {field.name for field in msgspec.structs.fields(SessionSettings)}


def test_every_setting_of_a_session_can_be_changed() -> None:
    changeable = {field.name for field in msgspec.structs.fields(Configure)} - {"next", "model"}

    assert changeable == {field.name for field in msgspec.structs.fields(SessionConfig)} == SETTINGS | {"provider"}


def test_every_setting_that_shapes_a_request_can_be_that_of_one_turn() -> None:
    of_a_turn = {field.name for field in msgspec.structs.fields(TurnSettings)}

    assert of_a_turn == {field.name for field in msgspec.structs.fields(Settings)} | {"provider", "model"}


def test_a_setting_has_the_same_type_and_bounds_in_a_change_as_in_a_config() -> None:
    for changed in (b'{"kind":"configure","top_p":2}', b'{"kind":"configure","limits":{"waiting_messages":0}}'):
        with pytest.raises(msgspec.ValidationError, match=r"\$\.(top_p|limits\.waiting_messages)"):
            msgspec.json.decode(changed, type=Configure)


def test_all_given_settings_replace_the_old_ones() -> None:
    config = changed_config(CONFIG, EVERYTHING)

    assert config.provider == OpenAI(model="gpt-2")
    assert {name: getattr(config, name) for name in SETTINGS} == {name: getattr(EVERYTHING, name) for name in SETTINGS}


def test_only_given_settings_are_listed() -> None:
    assert set(given_settings(EVERYTHING)) == SETTINGS | {"provider", "model"}
    assert given_settings(Configure(system=None, next="turn")) == {"system": None}
    assert given_settings(Configure()) == {}


def test_settings_that_are_not_given_stay() -> None:
    assert changed_config(CONFIG, Configure()) == CONFIG
    assert changed_config(CONFIG, Configure(max_output_tokens=7)) == msgspec.structs.replace(
        CONFIG, max_output_tokens=7
    )


def test_the_facts_of_a_new_model_are_taken_over_with_it() -> None:
    known = ModelFacts(context_limit_tokens=5)

    assert changed_config(CONFIG, Configure(model="claude-2"), known).provider.facts == known
    assert changed_config(CONFIG, Configure(system="a"), known).provider.facts == ModelFacts()


def test_none_resets_a_setting_to_the_providers_default() -> None:
    config = changed_config(CONFIG, Configure(system=None, temperature=None))

    assert (config.system, config.temperature) == (None, None)


def test_a_model_alone_keeps_the_rest_of_the_provider() -> None:
    assert changed_config(CONFIG, Configure(model="claude-2")).provider == Anthropic(
        model="claude-2", base_url="http://localhost"
    )


@pytest.mark.parametrize(
    "provider",
    [Scripted(), Anthropic(model="a"), OpenAI(model="o"), AzureOpenAI(deployment="d", resource="r", api_key="k")],
    ids=lambda provider: provider.name,
)
def test_a_valid_change_applies_to_every_provider(provider: Scripted | Anthropic | OpenAI | AzureOpenAI) -> None:
    config = changed_config(msgspec.structs.replace(CONFIG, provider=provider), Configure(model="m"))

    assert config.provider.model == "m"
