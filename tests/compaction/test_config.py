"""The configs of compaction: how they are encoded and resolved, and how invalid ones are rejected."""

from typing import Any

import msgspec
import pytest

from rayconteur.compaction import (
    Compaction,
    CompactionReport,
    DropImages,
    DropThinking,
    Layered,
    NativeCompaction,
    Summarize,
    Threshold,
    Window,
)
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.model_names import model
from rayconteur.providers.schema.errors import InvalidConfig, MissingKey

ALL: list[Compaction] = [
    NativeCompaction(instructions="Keep the names.", timeout_s=5),
    Threshold(tool_results="redact"),
    DropThinking(keep_recent_turns=2),
    DropImages(),
    Summarize(provider=Anthropic(model="claude", api_key="sk-1")),
    Window(max_tokens=10),
    Layered(strategies=(Threshold(), Window(keep_recent_turns=1))),
]


@pytest.mark.parametrize("config", ALL, ids=lambda config: config.name)
def test_a_config_survives_encoding_and_decoding(config: Compaction) -> None:
    assert msgspec.json.decode(msgspec.json.encode(config), type=Compaction) == config


@pytest.mark.parametrize("kind", [NativeCompaction, Threshold, DropThinking, DropImages, Summarize, Layered])
@pytest.mark.parametrize("threshold", [-1, 0, 1.01, float("nan")])
def test_a_threshold_outside_0_to_1_is_rejected(kind: type[Any], threshold: float) -> None:
    with pytest.raises(InvalidConfig) as caught:
        kind(threshold=threshold)

    assert caught.value.field == "compaction.threshold"


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        (NativeCompaction, {"keep_recent_turns": 0}, "keep_recent_turns"),
        (NativeCompaction, {"timeout_s": 0}, "timeout_s"),
        (NativeCompaction, {"timeout_s": float("nan")}, "timeout_s"),
        (NativeCompaction, {"instructions": " "}, "instructions"),
        (Threshold, {"keep_recent_turns": 0}, "keep_recent_turns"),
        (DropThinking, {"keep_recent_turns": -1}, "keep_recent_turns"),
        (DropImages, {"keep_recent_turns": 0}, "keep_recent_turns"),
        (Summarize, {"keep_recent_turns": 0}, "keep_recent_turns"),
        (Summarize, {"max_summary_tokens": 0}, "max_summary_tokens"),
        (Summarize, {"timeout_s": 0}, "timeout_s"),
        (Summarize, {"timeout_s": float("nan")}, "timeout_s"),
        (Summarize, {"prompt": " "}, "prompt"),
        (Window, {}, "keep_recent_turns"),
        (Window, {"keep_recent_turns": 1, "max_tokens": 1}, "keep_recent_turns"),
        (Window, {"keep_recent_turns": 0}, "keep_recent_turns"),
        (Window, {"max_tokens": 0}, "max_tokens"),
        (Layered, {"strategies": ()}, "strategies"),
    ],
)
def test_an_invalid_setting_is_rejected_by_name(kind: type[Any], settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        kind(**settings)

    assert caught.value.field == f"compaction.{field}"


def test_an_invalid_config_is_rejected_when_decoded() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"compaction\.threshold"):
        msgspec.json.decode(b'{"strategy":"threshold","threshold":7}', type=Compaction)


def test_a_summarizer_without_a_key_is_rejected() -> None:
    config = Layered(strategies=(Summarize(provider=Anthropic(model="claude")),))

    with pytest.raises(MissingKey):
        config.resolved({})


def test_an_invalid_summarizer_setting_is_rejected_by_its_path_in_the_config() -> None:
    config = Summarize(provider=Bedrock(model="amazon.nova-lite-v1:0", bearer_token="without a region"))

    with pytest.raises(InvalidConfig) as caught:
        config.resolved({})

    assert caught.value.field.startswith("compaction.provider.")


def test_a_resolved_summarizer_has_its_key_and_does_not_reveal_it() -> None:
    config = Layered(strategies=(Threshold(), Summarize(provider=Anthropic(model="claude"))))

    resolved = config.resolved({"ANTHROPIC_API_KEY": "sk-secret"})

    assert b"sk-secret" in msgspec.json.encode(resolved)
    assert "sk-secret" not in repr(resolved)
    assert b"sk-secret" not in msgspec.json.encode(resolved.public())


def test_a_config_without_credentials_is_returned_unchanged() -> None:
    config = Window(keep_recent_turns=3)

    assert config.resolved({}) is config
    assert config.public() is config


def test_the_default_strategies_are_the_provider_s_own_then_from_cheapest_to_most_expensive() -> None:
    names = [strategy.name for strategy in Layered().strategies]

    assert names == ["nativecompaction", "threshold", "dropthinking", "dropimages", "summarize", "window"]


def test_a_report_survives_encoding_and_decoding() -> None:
    report = CompactionReport(strategy="window", messages_before=2, messages_after=1, tokens_before=9, tokens_after=4)

    assert msgspec.json.decode(msgspec.json.encode(report), type=CompactionReport) == report


def test_the_name_of_a_summarizer_stands_for_its_config() -> None:
    assert msgspec.structs.replace(Summarize(), provider="openai:gpt-5-mini").provider == model("openai:gpt-5-mini")
