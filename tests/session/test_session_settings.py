"""Changes of settings in a running session."""

from collections.abc import Sequence

import msgspec
import pytest
from fixtures.session import SessionFixture, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers import ModelFacts, Prices, Provenance, ProviderConfig, Settings
from rayconteur.providers.schema.client import Sink
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.request import Request
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.scripted import Say, Script, Wait


def test_a_queued_model_change_applies_to_the_provider_queued_before_it() -> None:
    first, second = scripted_config((Say(text="one"),)), scripted_config((Say(text="two"),))

    async def main(session: SessionFixture) -> None:
        session.ask()
        session.tell(rc.Configure(provider=second.provider, next="turn"))
        session.tell(rc.Configure(model="of the second", next="turn"))
        await session.wait_for_event(rc.Completed, session.ask())

        assert session.history_texts() == ["hello", "one", "hello", "two"]
        assert session.status().model == "of the second"

    async def whole() -> None:
        async with running_session(first) as session:
            await main(session)

    run(whole())


def test_a_new_model_keeps_the_providers_secrets() -> None:
    config = msgspec.structs.replace(
        scripted_config(), provider=rc.OpenAI(model="one", api_key="sk-one", base_url="http://127.0.0.1:9/v1")
    )

    async def main() -> None:
        async with running_session(config) as session:
            session.tell(rc.Configure(model="two"))
            session.tell(rc.Configure(model="three", next="turn"))

            assert session.status().model == "three"
            assert "sk-one" not in repr(session.events)

    run(main())


def test_the_facts_of_a_new_model_replace_those_of_the_old_one() -> None:
    config = msgspec.structs.replace(
        scripted_config(),
        provider=rc.OpenAI(model="one", api_key="k", facts=ModelFacts(context_limit_tokens=5)),
    )

    async def main() -> None:
        async with running_session(config) as session:
            assert session.status().context_limit_tokens == 5
            session.tell(rc.Configure(model="gpt-4.1"))
            assert session.status().context_limit_tokens == 1_047_576  # not the one that is assumed of others
            session.tell(rc.Configure(model="gpt-4", next="turn"))
            assert session.status().context_limit_tokens == 8_192

    run(main())


@pytest.mark.parametrize("streaming", [True, False])
def test_an_answer_is_requested_as_a_stream_or_whole_as_the_setting_says(streaming: bool) -> None:
    asked: list[str] = []

    class Recording(ScriptedClient):
        async def stream(self, request: Request, sink: Sink) -> None:
            asked.append("stream")
            await super().stream(request, sink)

        async def complete(self, request: Request) -> Sequence[Delta]:
            asked.append("complete")
            return await super().complete(request)

    async def main() -> None:
        config = rc.SessionConfig(provider=rc.Scripted(), streaming=streaming)
        async with running_session(config, lambda _: Recording(rc.Scripted())) as session:
            await session.wait_for_event(rc.Completed, session.ask())

    run(main())

    assert asked == ["stream" if streaming else "complete"]


def test_content_that_the_provider_does_not_support_is_rejected() -> None:
    config = msgspec.structs.replace(scripted_config(), provider=rc.Anthropic(model="claude", api_key="k"))
    image = rc.Image(data=b"<svg/>", media_type="image/svg+xml")

    async def main() -> None:
        async with running_session(config) as session:
            with pytest.raises(UnsupportedContent, match=r"content\[1\]: anthropic takes images of image/gif"):
                session.tell(rc.UserMessage(content=(rc.Text("What is this?"), image)))
            with pytest.raises(UnsupportedContent, match=r"content\[0\].content\[0\]: "):
                session.tell(rc.ToolResults(results=(rc.ToolResult("a", (image,)),)))

            assert session.status().turns == 0
            session.tell(rc.Configure(provider=rc.Scripted()))
            turn = session.tell(rc.UserMessage(content=(rc.Text("What is this?"), image))).turn
            await session.wait_for_event(rc.Completed, turn)

    run(main())


def test_the_cost_of_a_turn_and_of_the_session_is_that_of_their_requests() -> None:
    prices = (Prices(input=1_000_000.0, output=2_000_000.0),)  # a dollar for a token in, two for one out
    script = Script(answers=((Say("caw"),),))
    provider = rc.Scripted(script=script, facts=ModelFacts(prices=prices))

    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=provider)) as session:
            first = await session.wait_for_event(rc.Completed, session.ask())
            second = await session.wait_for_event(rc.Completed, session.ask())
            assert isinstance(first, rc.Completed)
            assert isinstance(second, rc.Completed)

            for usage in (first.usage, second.usage):
                assert usage.cost.usd == (usage.input.tokens or 0) + 2 * (usage.output.tokens or 0) > 0
                assert usage.cost.provenance is Provenance.ESTIMATED
            assert session.status().usage == first.usage + second.usage

    run(main())


class Picky(ScriptedClient):
    """Takes either tools or thinking."""

    def check_settings(self, settings: Settings) -> None:
        if settings.tools and settings.thinking:
            raise InvalidConfig("thinking", "not together with tools")


def open_picky(config: ProviderConfig) -> Picky:
    assert isinstance(config, rc.Scripted)
    return Picky(config)


THINKS = rc.Configure(thinking=rc.Reasoning(effort="high"), next="turn")
LOOKS = rc.Configure(tools=(rc.Tool(name="look"),), next="turn")


@pytest.mark.parametrize(
    ("first", "second"), [(THINKS, LOOKS), (THINKS, msgspec.structs.replace(LOOKS, next="request"))]
)
def test_settings_that_do_not_go_together_with_queued_ones_are_rejected(
    first: rc.Configure, second: rc.Configure
) -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),)), open_picky) as session:
            session.ask()
            session.tell(first)

            with pytest.raises(InvalidConfig):
                session.tell(second)
            session.tell(msgspec.structs.replace(THINKS, thinking=None))
            session.tell(msgspec.structs.replace(second, next="turn"))

    run(main())


def test_a_change_is_checked_with_a_provider_that_is_queued_behind_it() -> None:
    queued = rc.Configure(provider=rc.Scripted(model="queued"), next="turn")

    async def main() -> None:
        async with running_session(scripted_config((Wait(),)), open_picky) as session:
            session.ask()
            session.tell(queued)
            session.tell(rc.Configure(model="other", next="turn"))
            session.tell(rc.Configure(provider=rc.Scripted(model="now", script=Script(first_token_s=1))))

            assert session.status().model == "now"

    run(main())


def test_a_last_answer_without_tools_is_rejected_where_the_provider_can_not_ask_for_it() -> None:
    provider = rc.Bedrock(model="amazon.nova-pro-v1:0", region="us-east-1", access_key_id="A", secret_access_key="s")
    config = rc.SessionConfig(
        provider=provider, tools=(rc.Tool(name="look"),), on_max_steps=rc.runtime.OnMaxSteps.ANSWER
    )

    async def main() -> None:
        with pytest.raises(InvalidConfig, match=r"on_max_steps.*without tools"):
            async with running_session(config):
                pass

    run(main())


def test_limits_of_a_provider_apply_to_the_tools_that_are_sent_and_not_to_those_that_are_deferred() -> None:
    many = tuple(rc.Tool(name=f"look_{number}") for number in range(600))
    google = rc.Google(model="gemini-3-pro-preview", api_key="k")
    small = rc.Scripted(facts=ModelFacts(context_limit_tokens=1_500))

    async def opened(config: rc.SessionConfig) -> None:
        async with running_session(config):
            pass

    for provider in (google, small):
        run(opened(rc.SessionConfig(provider=provider, tools=many)))
        with pytest.raises(InvalidConfig, match=r"up to 512|no room"):
            run(opened(rc.SessionConfig(provider=provider, tools=many, defer_tools=rc.runtime.DeferTools.NEVER)))


def test_a_deferred_tool_that_a_provider_does_not_take_is_named_by_its_place() -> None:
    many = (*(rc.Tool(name=f"look_{number}") for number in range(50)), rc.Tool(name="out", strict=True))
    config = rc.SessionConfig(provider=rc.Scripted(), tools=many, tool_protocol="text")

    async def main() -> None:
        async with running_session(config):
            pass

    with pytest.raises(InvalidConfig, match=r"tools\[50\]\.strict"):
        run(main())
