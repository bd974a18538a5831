"""Settings over Ray: any driver can read them, and each of them can be changed."""

import sys
from collections.abc import Callable

import msgspec
import pytest
from fixtures.rejections import rejected

import rayconteur as rc
from rayconteur import blocking
from rayconteur.compaction import Summarize
from rayconteur.errors import InvalidConfig, MailboxFull, MissingExtra, SessionBusy
from rayconteur.runtime import OnInterrupt, TurnSettings, WhenBusy
from rayconteur.scripted import Call, Say, Script, Wait

LOOK = rc.Tool(name="look", description="Look out of the window.")
HANGS = rc.Scripted(script=Script(answers=((Say("Well"), Wait()), (Say("done"),))))


def hanging(runtime: blocking.Runtime) -> blocking.SessionHandle:
    """A session whose first answer never ends."""
    session = runtime.spawn(rc.SessionConfig(provider=HANGS))
    session.ask("hello", on_abandon="leave").__iter__().__next__()
    return session


def test_another_driver_reads_what_a_session_was_given(runtime: blocking.Runtime) -> None:
    config = rc.SessionConfig(provider=rc.Scripted(), system="Be brief.", max_output_tokens=77, tools=(LOOK,))
    spawned = runtime.spawn(config)

    settings = runtime.session(spawned.id).settings()

    assert settings == config
    assert (settings.system, settings.max_output_tokens, settings.tools) == ("Be brief.", 77, (LOOK,))


def test_settings_hold_no_secrets(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(rc.SessionConfig(provider=rc.Anthropic(model="claude-opus-4-7", api_key="sk-very-secret")))

    settings = session.settings()

    assert isinstance(settings.provider, rc.Anthropic)
    assert settings.provider.api_key is None
    assert b"very-secret" not in msgspec.msgpack.encode(settings)


@pytest.fixture
def without_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has no SDK of Anthropic; the actors have."""
    monkeypatch.setitem(sys.modules, "anthropic", None)
    monkeypatch.delitem(sys.modules, "rayconteur.providers.anthropic.endpoint.request_forms", raising=False)


@pytest.mark.usefixtures("without_sdk")
def test_a_provider_whose_sdk_only_the_actor_has_can_be_configured_but_not_spawned(
    session: blocking.SessionHandle, runtime: blocking.Runtime
) -> None:
    provider = rc.Anthropic(model="claude-opus-4-7", api_key="sk-of-another-process")

    session.configure(rc.Configure(provider=provider))
    session.configure(rc.Configure(compaction=Summarize(provider=provider)))

    assert session.settings().provider.model == provider.model
    with rejected(MissingExtra, "anthropic"):
        runtime.spawn(rc.SessionConfig(provider=provider))


def test_every_setting_that_a_change_gives_is_in_force(session: blocking.SessionHandle) -> None:
    change = rc.Configure(
        system="Be long.",
        on_interrupt=OnInterrupt.KEEP,
        when_busy=WhenBusy.REJECT,
        retry=rc.RetryPolicy(max_attempts=1),
        limits=rc.Limits(waiting_messages=1, outbox_bytes=1_000),
    )

    session.configure(change)

    settings = session.settings()
    assert (settings.system, settings.on_interrupt, settings.when_busy) == (
        "Be long.",
        OnInterrupt.KEEP,
        WhenBusy.REJECT,
    )
    assert (settings.retry, settings.limits) == (change.retry, change.limits)


def test_new_limits_bound_the_mailbox_from_then_on(runtime: blocking.Runtime) -> None:
    session = hanging(runtime)
    session.send(rc.UserMessage.of("waits"))

    session.configure(rc.Configure(limits=rc.Limits(waiting_messages=1)))

    with rejected(MailboxFull, "limits.waiting_messages is 1"):
        session.send(rc.UserMessage.of("one too many"))


def test_a_new_rule_for_busy_sessions_applies_to_the_next_message(runtime: blocking.Runtime) -> None:
    session = hanging(runtime)

    session.configure(rc.Configure(when_busy=WhenBusy.REJECT))

    with rejected(SessionBusy, "wait for its end"):
        session.send(rc.UserMessage.of("now or never"))


def test_a_new_rule_for_interrupts_applies_to_the_running_turn(runtime: blocking.Runtime) -> None:
    session = hanging(runtime)
    session.configure(rc.Configure(on_interrupt=OnInterrupt.KEEP))

    assert session.interrupt()

    assert [message.role for message in session.history()] == ["user", "assistant"]


def test_one_turn_may_have_another_provider_and_tools_of_its_own(runtime: blocking.Runtime) -> None:
    looks = (Call(name="see", id="a"),)
    other = rc.Scripted(model="other", script=Script(answers=(looks, (Say("two ravens"),), (Say("none"),))))
    session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted(), system="Be brief."))
    before = session.settings()

    @rc.tool
    def see() -> str:
        """See."""
        return "two"

    answer = session.ask("How many?", settings=TurnSettings(provider=other, tools=(see,))).answer()

    assert (answer.text, answer.tool_calls[0].name) == ("two ravens", "see")
    assert (session.settings(), session.ask("And now?").answer().text) == (before, "And now?")


def test_settings_of_a_turn_that_do_not_fit_name_the_field(session: blocking.SessionHandle) -> None:
    choice = rc.ToolChoice(mode="tool", name="look")
    with rejected(InvalidConfig, "tool_choice"):
        session.ask("hello", settings=TurnSettings(tool_choice=choice)).answer()
    with rejected(InvalidConfig, "the message has settings, too"):
        session.ask(rc.UserMessage(content=(), settings=TurnSettings()), settings=TurnSettings())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda: rc.Configure(limits=rc.Limits(waiting_messages=0)), "limits.waiting_messages"),
        (lambda: rc.Configure(retry=rc.RetryPolicy(max_attempts=0)), "retry.max_attempts"),
        (lambda: rc.Configure(when_busy="sometimes"), "message.when_busy"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: rc.Configure(on_interrupt=None), "message.on_interrupt"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: rc.Configure(compaction="layered"), "message.compaction"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_change_that_does_not_fit_names_the_field(
    session: blocking.SessionHandle, change: Callable[[], rc.Configure], field: str
) -> None:
    before = session.settings()

    with rejected(InvalidConfig, field):
        session.configure(change())

    assert session.settings() == before
