"""What a runtime and its sessions refuse: each by an error of its own class that says what to do, and nothing is lost."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import ray

import rayconteur as rc
from rayconteur import blocking

ECHO = rc.SessionConfig(provider=rc.Scripted())


def scripted(*answers: tuple[rc.Step, ...]) -> rc.SessionConfig:
    """Sessions that answer with *answers*, one after the other."""
    return rc.SessionConfig(provider=rc.Scripted(script=rc.Script(answers=answers)))


@pytest.fixture(scope="module")
def runtime(ray_address: str) -> Iterator[blocking.Runtime]:
    del ray_address
    options = rc.RuntimeOptions(namespace="bad-input")
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        yield runtime


@pytest.fixture
def session(runtime: blocking.Runtime) -> blocking.SessionHandle:
    return runtime.spawn(ECHO)


@contextmanager
def refused(error: type[rc.RayconteurError], *says: str) -> Iterator[None]:
    """What happens inside is refused with *error*, whose message says all that."""
    with pytest.raises(error) as caught:
        yield
    assert caught.type is error
    for words in says:
        assert words in str(caught.value)


def still_answers(session: blocking.SessionHandle) -> bool:
    return session.ask("are you there?").answer().text == "are you there?"


def misfit(**fields: object) -> rc.SessionConfig:
    return rc.SessionConfig(**{"provider": rc.Scripted(), **fields})  # type: ignore[arg-type]


# Configs


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (misfit(temperature=3), "config.temperature"),
        (misfit(temperature=math.nan), "config.temperature"),
        (misfit(max_output_tokens=0), "config.max_output_tokens"),
        (misfit(max_output_tokens=2**70), "config.max_output_tokens"),
        (misfit(system=7), "config.system"),
        (misfit(system="\ud800"), "config.system"),
        (misfit(when_busy="wait"), "config.when_busy"),
        (misfit(limits=rc.Limits(message_bytes=-1)), "config.limits.message_bytes"),
        (misfit(tools=(rc.Tool(name="look", input_schema={"at": object()}),)), "config.tools"),
        (misfit(provider=rc.Scripted(script=rc.Script(tokens_per_s=0))), "config.provider.script.tokens_per_s"),
        (scripted((rc.Fail(code="bad luck"),)), "provider.script"),
        (rc.Scripted(), "config"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_by_the_name_of_its_field(
    runtime: blocking.Runtime, config: rc.SessionConfig, field: str
) -> None:
    with refused(rc.InvalidConfig, field):
        runtime.spawn(config, "misfit")

    assert still_answers(runtime.spawn(ECHO, "misfit"))
    runtime.session("misfit").close()


@pytest.mark.parametrize("provider", ["claude", None, rc.Scripted])
def test_what_is_no_provider_is_refused_with_the_names_of_those_there_are(
    runtime: blocking.Runtime, provider: object
) -> None:
    with refused(rc.UnknownProvider, "Anthropic"):
        runtime.spawn(misfit(provider=provider))


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        (rc.Anthropic(model="claude-sonnet-4-5"), "ANTHROPIC_API_KEY"),
        (rc.OpenAI(model="gpt-5"), "OPENAI_API_KEY"),
        (rc.AzureOpenAI(deployment="mine", resource="us"), "AZURE_OPENAI_API_KEY"),
    ],
)
def test_a_missing_key_is_named_when_the_session_is_spawned(
    runtime: blocking.Runtime, monkeypatch: pytest.MonkeyPatch, provider: rc.ProviderConfig, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)

    with refused(rc.MissingKey, variable, "api_key"):
        runtime.spawn(rc.SessionConfig(provider=provider))


def test_a_refused_config_leaves_the_id_of_a_dedicated_session_free(runtime: blocking.Runtime) -> None:
    with refused(rc.InvalidConfig):
        runtime.spawn(scripted((rc.Fail(code="bad luck"),)), "alone", rc.Dedicated())

    assert still_answers(runtime.spawn(ECHO, "alone", rc.Dedicated()))


# Ids


@pytest.mark.parametrize("session_id", ["", "a b", "../a", "x" * 129, "ä", "-a", "a\n", 7])
def test_what_is_no_id_is_refused(runtime: blocking.Runtime, session_id: str) -> None:
    with refused(rc.InvalidConfig, "session_id", repr(session_id)):
        runtime.spawn(ECHO, session_id)


def test_a_second_session_with_the_same_id_is_refused_and_the_first_goes_on(runtime: blocking.Runtime) -> None:
    first = runtime.spawn(ECHO, "twin")

    with refused(rc.SessionExists, "twin", "attach"):
        runtime.spawn(ECHO, "twin")
    with refused(rc.SessionExists, "twin"):
        runtime.spawn(ECHO, "twin", rc.Dedicated())

    assert still_answers(first)
    assert still_answers(runtime.session("twin"))


def test_of_many_with_a_taken_id_among_them_none_is_begun(runtime: blocking.Runtime) -> None:
    runtime.spawn(ECHO, "taken")

    with refused(rc.SessionExists, "taken"):
        runtime.spawn_many(ECHO, ["free-1", "taken", "free-2"])
    with refused(rc.SessionExists, "double"):
        runtime.spawn_many(ECHO, ["double", "double"])

    assert still_answers(runtime.spawn(ECHO, "free-1"))
    assert still_answers(runtime.spawn(ECHO, "double"))


@pytest.mark.parametrize("ids", [-1, "abc"])
def test_what_is_neither_ids_nor_a_number_of_sessions_is_refused(runtime: blocking.Runtime, ids: int | str) -> None:
    with refused(rc.InvalidConfig, "ids"):
        runtime.spawn_many(ECHO, ids)


@pytest.mark.parametrize("session_id", ["nobody", "", "no id at all", "_directory", "_router-0"])
def test_an_id_that_nobody_has_is_told(runtime: blocking.Runtime, session_id: str) -> None:
    with refused(rc.UnknownSession, repr(session_id)):
        runtime.session(session_id)


# Messages


@pytest.mark.parametrize("message", ["", " \n", (), (rc.Text(""),)])
def test_an_empty_message_is_refused(session: blocking.SessionHandle, message: str | tuple[rc.UserBlock, ...]) -> None:
    with refused(rc.EmptyMessage, "give it some text"):
        session.ask(message).answer()

    assert session.status().turns == 0
    assert still_answers(session)


@pytest.mark.parametrize("message", ["hello", rc.UserMessage(content="hello"), rc.UserMessage.of("\ud800"), None])
def test_what_is_no_message_is_refused(session: blocking.SessionHandle, message: rc.ToLLM) -> None:
    with refused(rc.InvalidConfig, "message"):
        session.send(message)

    assert still_answers(session)


def test_a_message_beyond_the_byte_limit_is_refused_with_the_limit(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(misfit(limits=rc.Limits(message_bytes=100)))

    with refused(rc.MessageTooLarge, "100", "raise the limit"):
        session.ask("x" * 100).answer()

    assert still_answers(session)


def test_a_full_mailbox_refuses_and_keeps_what_it_has(runtime: blocking.Runtime) -> None:
    provider = rc.Scripted(script=rc.Script(answers=((rc.Wait(),), (rc.Say(),))))
    session = runtime.spawn(misfit(provider=provider, limits=rc.Limits(waiting_messages=1)))
    session.send(rc.UserMessage.of("runs"))
    session.send(rc.UserMessage.of("waits"))

    with refused(rc.MailboxFull, "send it again"):
        session.send(rc.UserMessage.of("too many"))

    assert session.interrupt()
    assert session.ask("after").answer().text == "after"
    assert [message.content for message in session.history() if message.role is rc.Role.USER] == [
        (rc.Text("waits"),),
        (rc.Text("after"),),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (rc.Configure(temperature=9), "temperature"),
        (rc.Configure(max_output_tokens=-1), "max_output_tokens"),
        (rc.Configure(model=""), "model"),
        (
            rc.Configure(provider=rc.Scripted(script=rc.Script(answers=((rc.Fail(code="bad luck"),),)))),
            "provider.script",
        ),
        (rc.Configure(next="year"), "next"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(
    session: blocking.SessionHandle, change: rc.Configure, field: str
) -> None:
    with refused(rc.InvalidConfig, field):
        session.configure(change)

    assert still_answers(session)


def test_a_change_to_a_provider_without_a_key_is_refused(
    session: blocking.SessionHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    with refused(rc.MissingKey, "ANTHROPIC_API_KEY"):
        session.configure(rc.Configure(provider=rc.Anthropic(model="claude-sonnet-4-5")))
    with refused(rc.UnknownProvider):
        session.configure(rc.Configure(provider="claude"))  # type: ignore[arg-type]

    assert still_answers(session)


def test_there_is_nothing_to_retry_after_an_answer(session: blocking.SessionHandle) -> None:
    session.ask("hi").answer()

    with refused(rc.NothingToRetry, "send a message"):
        session.retry().answer()

    assert still_answers(session)


def test_a_busy_session_that_rejects_says_so(runtime: blocking.Runtime) -> None:
    script = rc.Script(answers=((rc.Wait(),), (rc.Say(),)))
    session = runtime.spawn(misfit(provider=rc.Scripted(script=script), when_busy=rc.WhenBusy.REJECT))
    session.send(rc.UserMessage.of("runs"))

    with refused(rc.SessionBusy, "interrupt it"):
        session.ask("too early").answer()

    session.interrupt()
    assert still_answers(session)


# Tools


@pytest.fixture
def asking(runtime: blocking.Runtime) -> blocking.SessionHandle:
    """A session that waits for the results of the tool uses a and b."""
    calls = (rc.Call(name="look", id="a"), rc.Call(name="look", id="b"))
    session = runtime.spawn(scripted(calls, (rc.Say("seen"),), (rc.Say(),)))
    next(event for event in session.ask("look twice") if isinstance(event, rc.ToolBatch))
    return session


def results(*ids: str, last: bool = False) -> rc.ToolResults:
    return rc.ToolResults(results=tuple(rc.ToolResult(id, (rc.Text("seen"),)) for id in ids), last=last)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (results("a", "c"), rc.UnknownToolUse),
        (results("a", "a"), rc.ToolUseAnswered),
        (results("a", last=True), rc.MissingToolResults),
        (results(), rc.EmptyMessage),
    ],
)
def test_tool_results_that_do_not_fit_are_refused_all_together(
    asking: blocking.SessionHandle, sent: rc.ToolResults, error: type[rc.RayconteurError]
) -> None:
    with refused(error, "'b'"):
        asking.send(sent)

    assert asking.status().open_tool_use_ids == ("a", "b")
    asking.send(results("a", "b"))
    assert still_answers(asking)


def test_a_tool_use_that_was_answered_is_not_answered_again(asking: blocking.SessionHandle) -> None:
    asking.send(results("a"))

    with refused(rc.ToolUseAnswered, "'a'", "'b'"):
        asking.send(results("a"))

    asking.send(results("b"))
    with refused(rc.ToolUseAnswered, "'a'"):
        asking.send(results("a"))
    assert still_answers(asking)


def test_results_that_nobody_asked_for_are_refused(session: blocking.SessionHandle) -> None:
    with refused(rc.UnknownToolUse, "ToolBatch"):
        session.send(results("a"))

    assert still_answers(session)


def test_an_answer_without_someone_to_run_its_tools_says_so_and_can_still_be_had(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((rc.Call(name="look", id="a"),), (rc.Say("seen"),)))

    with refused(rc.ToolsWaiting, "look", "run_tool"):
        session.ask("look").answer()

    session.send(results("a"))
    assert any(isinstance(event, rc.Completed) for event in session.events())


# Ends

CALLS: list[Callable[[blocking.SessionHandle], object]] = [
    lambda session: session.ask("hi").answer(),
    lambda session: list(session.ask("hi")),
    lambda session: session.retry().answer(),
    lambda session: session.send(rc.UserMessage.of("hi")),
    lambda session: session.interrupt(),
    lambda session: session.clear(),
    lambda session: session.compact(),
    lambda session: session.configure(rc.Configure(system="short")),
    lambda session: session.status(),
    lambda session: session.history(),
    lambda session: session.close(),
]


@pytest.mark.parametrize("placement", [rc.Packed(), rc.Dedicated()], ids=["packed", "dedicated"])
def test_every_call_on_a_closed_session_says_that_it_is_closed(
    runtime: blocking.Runtime, placement: rc.Placement
) -> None:
    session = runtime.spawn(ECHO, placement=placement)
    session.close()

    for call in CALLS:
        with refused(rc.SessionClosed, session.id):
            call(session)
    with refused(rc.UnknownSession, session.id):
        runtime.session(session.id)


def test_every_call_on_a_session_whose_actor_died_says_that_it_died(runtime: blocking.Runtime) -> None:
    for call in CALLS:
        session = runtime.spawn(ECHO, placement=rc.Dedicated())
        ray.kill(ray.get_actor(session.id, "bad-input"))

        with refused(rc.SessionDied, session.id, "spawn it again"):
            call(session)


def test_an_actor_that_dies_in_mid_answer_takes_only_its_own_session_along(
    runtime: blocking.Runtime, session: blocking.SessionHandle
) -> None:
    doomed = runtime.spawn(scripted((rc.Say("so far"), rc.Wait())), "doomed", rc.Dedicated())
    heard: list[rc.FromLLM] = []

    with refused(rc.SessionDied, "doomed", "spawn it again"):
        for event in doomed.ask("hi"):
            heard.append(event)
            if isinstance(event, rc.TextChunk):
                ray.kill(ray.get_actor("doomed", "bad-input"))

    assert [type(event) for event in heard] == [rc.TurnStarted, rc.StreamStarted, rc.TextChunk]
    with refused(rc.SessionDied, "doomed"):
        doomed.status()
    assert still_answers(session)
    assert still_answers(runtime.spawn(ECHO, "doomed", rc.Dedicated()))
