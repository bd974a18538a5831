"""The ``repr`` of every public object is one readable line."""

import enum
import inspect
from types import ModuleType
from typing import Any, Protocol, cast

import msgspec
import pytest

import rayconteur as rc
from rayconteur import blocking, compaction, errors, providers, runtime, scripted
from rayconteur.compaction import CompactionReport
from rayconteur.providers.schema.checks.shown import short_repr
from rayconteur.providers.schema.config import WithSecrets
from rayconteur.runtime import FinalAnswer, SessionList

MODULES: list[ModuleType] = [rc, blocking, compaction, errors, providers, runtime, scripted]
LONG = "a long\ntext " * 10_000
FUNCTIONAL = {"Sink", "Draft"}
"""What only provider plug-ins meet."""


def public_classes() -> list[type]:
    """Every public class but errors, enums and protocols, whose ``repr`` is Python's own."""
    found = [getattr(module, name) for module in MODULES for name in module.__all__ if name not in FUNCTIONAL]
    classes = {each for each in found if inspect.isclass(each)}
    others = (BaseException, enum.Enum)
    return sorted(
        (each for each in classes if not issubclass(each, others) and Protocol not in each.__bases__),
        key=lambda each: f"{each.__module__}.{each.__name__}",
    )


@pytest.mark.parametrize("kind", public_classes(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_public_class_has_a_repr_of_its_own(kind: type) -> None:
    assert cast(Any, kind).__repr__ is not object.__repr__
    if issubclass(kind, msgspec.Struct) and kind.__module__ != "rayconteur.providers.schema.deltas":
        assert cast(Any, kind).__repr__ is short_repr or issubclass(kind, WithSecrets)


@pytest.mark.parametrize(
    "value",
    [
        rc.SessionConfig(provider=rc.Anthropic(model="m", api_key="sk-secret"), system=LONG),
        rc.Configure(system=LONG),
        rc.UserMessage.of(LONG),
        rc.Image(data=LONG.encode(), media_type="image/png"),
        rc.Document(data=LONG.encode(), media_type="application/pdf", name=LONG),
        rc.TextChunk(text=LONG),
        rc.ToolUse("a", "look", {"at": LONG}),
        rc.ToolResults(results=(rc.ToolResult("a", (rc.Text(LONG),)),) * 100),
        rc.Tool(name="look", description=LONG),
        rc.Message(role=cast(Any, "user"), content=(rc.Text(LONG),) * 100, turn=1),
        rc.Failed(code="unavailable", message=LONG, retryable=True, partial_text=LONG),
        FinalAnswer(
            text=LONG,
            thinking=LONG,
            stop_reason=providers.StopReason.END_TURN,
            raw_stop_reason=None,
            usage=rc.Usage(),
            requests=1,
            turn=1,
        ),
        SessionList(),
        rc.Runtime(),
        blocking.Runtime(),
        rc.RuntimeOptions(namespace=LONG),
        rc.Runtime(LONG),
        rc.Runtime(options=rc.RuntimeOptions(namespace="x" * 200)),
        rc.OpenAI(model="m", extra_body={"a": LONG}),
        rc.Anthropic(model=LONG),
    ],
    ids=lambda value: type(value).__name__,
)
def test_however_long_its_content_a_repr_is_one_short_line_without_secrets(value: object) -> None:
    line = repr(value)

    assert "\n" not in line
    assert len(line) < 1_000
    assert line.startswith(type(value).__name__)
    assert "sk-" not in line


def test_a_repr_leaves_out_what_has_its_default() -> None:
    assert repr(rc.SessionConfig(provider=rc.Scripted(), temperature=1)) == (
        "SessionConfig(temperature=1, provider=Scripted())"
    )
    assert repr(rc.Text("hi")) == "Text(text='hi')"
    assert repr(rc.RuntimeOptions()) == "RuntimeOptions()"
    assert CompactionReport.__name__ in repr(CompactionReport)


def test_events_and_messages_are_json_by_msgspec_alone() -> None:
    event = rc.TextChunk(session_id="raven-7", seq=3, turn=1, text="Caw")

    data = msgspec.json.encode(event)

    assert data == b'{"kind":"textchunk","session_id":"raven-7","seq":3,"turn":1,"text":"Caw"}'
    assert msgspec.json.decode(data, type=rc.FromLLM) == event
    message = rc.UserMessage.of("Hi")
    assert msgspec.json.decode(msgspec.json.encode(message), type=rc.ToLLM) == message
