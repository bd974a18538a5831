"""The configs of compaction: what does not fit is refused by the field's name."""

from typing import Any

import msgspec
import pytest

from rayconteur.compaction.config import (
    Compaction,
    DropImages,
    DropThinking,
    Layered,
    Report,
    Summarize,
    Threshold,
    Window,
)
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.schema.errors import InvalidConfig, MissingKey

ALL: list[Compaction] = [
    Threshold(tool_results="redact"),
    DropThinking(keep_recent_turns=2),
    DropImages(),
    Summarize(provider=Anthropic(model="claude", api_key="sk-1")),
    Window(max_tokens=10),
    Layered(strategies=(Threshold(), Window(keep_recent_turns=1))),
]


@pytest.mark.parametrize("config", ALL, ids=lambda config: config.name)
def test_a_config_crosses_processes(config: Compaction) -> None:
    assert msgspec.json.decode(msgspec.json.encode(config), type=Compaction) == config


@pytest.mark.parametrize("kind", [Threshold, DropThinking, DropImages, Summarize, Layered])
@pytest.mark.parametrize("threshold", [-1, 0, 1.01, float("nan")])
def test_a_threshold_is_a_share(kind: type[Any], threshold: float) -> None:
    with pytest.raises(InvalidConfig) as caught:
        kind(threshold=threshold)

    assert caught.value.field == "compaction.threshold"


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
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
def test_what_does_not_fit_is_refused_by_its_name(kind: type[Any], given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        kind(**given)

    assert caught.value.field == f"compaction.{field}"


def test_a_config_that_is_read_is_held_to_the_same_rules() -> None:
    with pytest.raises(InvalidConfig):
        msgspec.json.decode(b'{"strategy":"threshold","threshold":7}', type=Compaction)


def test_a_summarizer_without_a_key_is_refused() -> None:
    config = Layered(strategies=(Summarize(provider=Anthropic(model="claude")),))

    with pytest.raises(MissingKey):
        config.resolved({})


def test_a_summarizer_that_does_not_fit_is_refused_by_its_place_in_the_config() -> None:
    config = Summarize(provider=Bedrock(model="amazon.nova-lite-v1:0", bearer_token="without a region"))

    with pytest.raises(InvalidConfig) as caught:
        config.resolved({})

    assert caught.value.field.startswith("compaction.provider.")


def test_a_resolved_summarizer_has_its_key_and_shows_it_to_nobody() -> None:
    config = Layered(strategies=(Threshold(), Summarize(provider=Anthropic(model="claude"))))

    resolved = config.resolved({"ANTHROPIC_API_KEY": "sk-secret"})

    assert b"sk-secret" in msgspec.json.encode(resolved)
    assert "sk-secret" not in repr(resolved)
    assert b"sk-secret" not in msgspec.json.encode(resolved.public())


def test_what_needs_no_credentials_stays_as_it_is() -> None:
    config = Window(keep_recent_turns=3)

    assert config.resolved({}) is config
    assert config.public() is config


def test_the_usual_layers_go_from_cheap_to_dear() -> None:
    names = [layer.name for layer in Layered().strategies]

    assert names == ["threshold", "dropthinking", "dropimages", "summarize", "window"]


def test_a_report_crosses_processes() -> None:
    report = Report(strategy="window", messages_before=2, messages_after=1, tokens_before=9, tokens_after=4)

    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
