"""Settings of one turn, next to the session's own: what is sent, and what is rejected before a turn starts."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from fixtures.clients import EACH_PROVIDER, Config
from fixtures.session import SessionFixture, running_session, scripted_config
from fixtures.virtual_time import run
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers import ModelFacts
from rayconteur.runtime import TurnSettings
from rayconteur.scripted import Say, Script, Wait

LOOK = rc.Tool(name="look")
WAITS = scripted_config((Say("Well"), Wait()))
SMALL = ModelFacts(takes_images=False, fits_schemas=False, context_limit_tokens=1_000)
OTHER = rc.OpenAI(model="small", api_key="sk-other", facts=SMALL)


def asked(settings: TurnSettings, *content: rc.Text | rc.Image) -> rc.UserMessage:
    return rc.UserMessage(content=content or (rc.Text("How many?"),), settings=settings)


def in_session(config: rc.SessionConfig, check: Callable[[SessionFixture], None]) -> None:
    async def main() -> None:
        async with running_session(config) as session:
            check(session)

    run(main())


@EACH_PROVIDER
def test_every_provider_gets_those_of_a_turn_and_not_in_the_next(config: Config, stream: bytes) -> None:
    bodies: asyncio.Queue[bytes] = asyncio.Queue()

    async def respond(exchange: Exchange) -> None:
        bodies.put_nowait(exchange.request.body)
        await exchange.send_answer(stream)

    async def main() -> list[list[bool]]:
        async with (
            Loopback(respond) as server,
            running_session(rc.SessionConfig(provider=config(server.url), system="Be brief.")) as session,
        ):
            sent: list[bytes] = []
            for message in (asked(TurnSettings(system="Sing.", max_output_tokens=77)), rc.UserMessage.of("And now?")):
                session.tell(message)
                sent.append(await bodies.get())
                session.tell(rc.Interrupt())
            return [[text in body for text in (b"Sing.", b"77", b"Be brief.")] for body in sent]

    assert asyncio.run(main()) == [[True, True, False], [False, False, True]]


def test_another_provider_answers_one_turn_and_its_key_is_in_no_event() -> None:
    other = rc.Scripted(model="other", script=Script(answers=((Say("two"),), (Say("two"),))))

    async def main() -> None:
        async with running_session(scripted_config((Say("one"),), (Say("one"),))) as session:
            await session.wait_for_end(session.ask())
            await session.wait_for_end(session.tell(asked(TurnSettings(provider=other))).turn or 0)
            await session.wait_for_end(session.ask())

            assert session.history_texts()[1::2] == ["one", "two", "one"]
            assert session.status().model == "scripted"

    run(main())


def test_a_model_alone_keeps_the_provider_and_its_key() -> None:
    own = rc.OpenAI(model="one", api_key="sk-own", base_url="http://127.0.0.1:9/v1")

    def check(session: SessionFixture) -> None:
        session.tell(asked(TurnSettings(model="two")))
        assert "sk-own" not in repr(session.events)

    in_session(msgspec.structs.replace(WAITS, provider=own), check)


@pytest.mark.parametrize(
    ("settings", "content", "error", "named"),
    [
        (TurnSettings(provider=OTHER), (rc.Image(url="https://x.org/a.png"),), UnsupportedContent, "image"),
        (TurnSettings(provider=OTHER, output_schema={"type": "object"}), (), InvalidConfig, "output_schema"),
        (TurnSettings(provider=OTHER, system="Sing. " * 1_000), (), InvalidConfig, "no room"),
        (TurnSettings(tool_choice=rc.ToolChoice(mode="tool", name="look")), (), InvalidConfig, "tool_choice"),
    ],
)
def test_what_the_provider_of_the_turn_does_not_take_is_rejected_and_no_turn_starts(
    settings: TurnSettings, content: tuple[rc.Image, ...], error: type[Exception], named: str
) -> None:
    def check(session: SessionFixture) -> None:
        with pytest.raises(error, match=named):
            session.tell(asked(settings, *content))
        assert session.status().turns == 0

    in_session(WAITS, check)


def test_a_message_that_steers_is_rejected_if_the_provider_of_the_running_turn_does_not_take_it() -> None:
    def check(session: SessionFixture) -> None:
        session.tell(asked(TurnSettings(provider=OTHER)))
        image = (rc.Image(url="https://x.org/a.png"),)
        with pytest.raises(UnsupportedContent, match="image"):
            session.tell(rc.UserMessage(content=image, when_busy=rc.runtime.WhenBusy.STEER))
        session.tell(rc.UserMessage(content=image))

    in_session(WAITS, check)


@pytest.mark.parametrize("is_queued", [False, True], ids=["running", "queued"])
def test_a_change_that_does_not_go_together_with_the_settings_of_a_turn_is_rejected(is_queued: bool) -> None:
    def check(session: SessionFixture) -> None:
        if is_queued:
            session.ask()
        session.tell(asked(TurnSettings(tool_choice=rc.ToolChoice(mode="tool", name="look"))))
        with pytest.raises(InvalidConfig, match="tool_choice"):
            session.tell(rc.Configure(tools=()))
        session.tell(rc.Configure(system="Be brief."))

    in_session(msgspec.structs.replace(WAITS, tools=(LOOK,)), check)


def test_a_retry_that_the_provider_no_longer_takes_is_rejected() -> None:
    broken = scripted_config((rc.scripted.Fail("invalid_request", "no"),))

    async def main() -> None:
        async with running_session(broken) as session:
            schema = TurnSettings(output_schema={"type": "object"})
            await session.wait_for_end(session.tell(asked(schema)).turn or 0)
            session.tell(rc.Configure(provider=OTHER))
            with pytest.raises(InvalidConfig, match="output_schema"):
                session.tell(rc.Retry())
            assert session.status().turns == 1

    run(main())


def test_they_are_given_once() -> None:
    with pytest.raises(InvalidConfig, match=r"^message\.output_schema: settings has"):
        rc.UserMessage(content=(), output_schema={"type": "object"}, settings=TurnSettings(output_schema=None))
