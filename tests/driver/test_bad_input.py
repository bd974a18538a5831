"""Invalid messages and tool results: rejected with a reason, and the session is unchanged."""

from collections.abc import Callable

import pytest
from fixtures.rejections import rejected, scripted, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import (
    EmptyMessage,
    InvalidConfig,
    MailboxFull,
    MessageTooLarge,
    MissingKey,
    MissingToolResults,
    NothingToRetry,
    SessionBusy,
    ToolsWaiting,
    ToolUseAnswered,
    UnknownProvider,
    UnknownToolUse,
)
from rayconteur.providers import Role, UserBlock
from rayconteur.runtime import WhenBusy
from rayconteur.scripted import Call, Fail, Say, Script, Wait

HANGS_ONCE = rc.Scripted(script=Script(answers=((Wait(),), (Say(),))))


@pytest.mark.parametrize("message", ["", " \n", (), (rc.Text(""),)])
def test_an_empty_message_is_rejected(session: blocking.SessionHandle, message: str | tuple[UserBlock, ...]) -> None:
    with rejected(EmptyMessage, "give it some text"):
        session.ask(message).answer()

    assert session.status().turns == 0
    assert still_answers(session)


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        rc.UserMessage.of("\ud800"),
        None,
    ],
)
def test_an_object_that_is_not_a_message_is_rejected(session: blocking.SessionHandle, message: rc.ToLLM) -> None:
    with rejected(InvalidConfig, "message"):
        session.send(message)

    assert still_answers(session)


def test_a_message_above_the_byte_limit_is_rejected_and_the_limit_named(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted(), limits=rc.Limits(message_bytes=100)))

    with rejected(MessageTooLarge, "100", "raise the limit"):
        session.ask("x" * 100).answer()

    assert still_answers(session)


def test_a_full_mailbox_rejects_further_messages_and_keeps_the_queued_ones(runtime: blocking.Runtime) -> None:
    limits = rc.Limits(waiting_messages=1)
    session = runtime.spawn(rc.SessionConfig(provider=HANGS_ONCE, limits=limits))
    session.send(rc.UserMessage.of("runs"))
    session.send(rc.UserMessage.of("waits"))

    with rejected(MailboxFull, "send it again"):
        session.send(rc.UserMessage.of("too many"))

    assert session.interrupt()
    assert session.ask("after").answer().text == "after"
    assert [message.content for message in session.history() if message.role is Role.USER] == [
        (rc.Text("waits"),),
        (rc.Text("after"),),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda: rc.Configure(temperature=9), "temperature"),
        (lambda: rc.Configure(max_output_tokens=-1), "max_output_tokens"),
        (lambda: rc.Configure(model=""), "model"),
        (
            lambda: rc.Configure(provider=rc.Scripted(script=Script(answers=((Fail(code="bad luck"),),)))),
            "fail.code",
        ),
        (lambda: rc.Configure(next="year"), "next"),  # type: ignore[arg-type]
    ],
)
def test_invalid_settings_are_rejected_and_the_field_named(
    session: blocking.SessionHandle, change: Callable[[], rc.Configure], field: str
) -> None:
    with rejected(InvalidConfig, field):
        session.configure(change())

    assert still_answers(session)


def test_changing_to_a_provider_without_a_key_is_rejected(
    session: blocking.SessionHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    with rejected(MissingKey, "ANTHROPIC_API_KEY"):
        session.configure(rc.Configure(provider=rc.Anthropic(model="claude-sonnet-4-5")))
    with rejected(UnknownProvider):
        session.configure(rc.Configure(provider="claude"))

    assert still_answers(session)


def test_a_retry_after_an_answer_is_rejected(session: blocking.SessionHandle) -> None:
    session.ask("hi").answer()

    with rejected(NothingToRetry, "send a message"):
        session.retry().answer()

    assert still_answers(session)


def test_a_busy_session_with_reject_rejects_a_message(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(rc.SessionConfig(provider=HANGS_ONCE, when_busy=WhenBusy.REJECT))
    session.send(rc.UserMessage.of("runs"))

    with rejected(SessionBusy, "interrupt it"):
        session.ask("too early").answer()

    session.interrupt()
    assert still_answers(session)


@pytest.fixture
def with_open_tools(runtime: blocking.Runtime) -> blocking.SessionHandle:
    """A session with the open tool uses a and b."""
    calls = (Call(name="look", id="a"), Call(name="look", id="b"))
    session = runtime.spawn(scripted(calls, (Say("seen"),), (Say(),)))
    next(event for event in session.ask("look twice") if isinstance(event, rc.ToolBatch))
    return session


def results(*use_ids: str, last: bool = False) -> rc.ToolResults:
    return rc.ToolResults(results=tuple(rc.ToolResult(use_id, (rc.Text("seen"),)) for use_id in use_ids), last=last)


@pytest.mark.parametrize(
    ("tool_results", "error"),
    [
        (results("a", "c"), UnknownToolUse),
        (results("a", "a"), ToolUseAnswered),
        (results("a", last=True), MissingToolResults),
        (results(), EmptyMessage),
    ],
)
def test_invalid_tool_results_are_rejected_as_a_whole(
    with_open_tools: blocking.SessionHandle, tool_results: rc.ToolResults, error: type[rc.RayconteurError]
) -> None:
    with rejected(error, "'b'"):
        with_open_tools.send(tool_results)

    assert with_open_tools.status().open_tool_use_ids == ("a", "b")
    with_open_tools.send(results("a", "b"))
    assert still_answers(with_open_tools)


def test_a_second_result_for_a_tool_use_is_rejected(with_open_tools: blocking.SessionHandle) -> None:
    with_open_tools.send(results("a"))

    with rejected(ToolUseAnswered, "'a'", "'b'"):
        with_open_tools.send(results("a"))

    with_open_tools.send(results("b"))
    with rejected(ToolUseAnswered, "'a'"):
        with_open_tools.send(results("a"))
    assert still_answers(with_open_tools)


def test_results_without_an_open_tool_use_are_rejected(session: blocking.SessionHandle) -> None:
    with rejected(UnknownToolUse, "ToolBatch"):
        session.send(results("a"))

    assert still_answers(session)


def test_answer_without_run_tool_raises_and_the_turn_can_still_be_completed(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call(name="look", id="a"),), (Say("seen"),)))

    with rejected(ToolsWaiting, "look", "run_tool"):
        session.ask("look").answer()

    session.send(results("a"))
    assert any(isinstance(event, rc.Completed) for event in session.events())
