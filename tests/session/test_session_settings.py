"""New settings for a session at work."""

import msgspec
import pytest
from fixtures.session import Stage, scripted, stage
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import UnsupportedContent
from rayconteur.providers import ModelFacts, Prices, Provenance
from rayconteur.scripted import Say, Script


def test_a_model_that_waits_goes_to_the_provider_that_waits_before_it() -> None:
    first, second = scripted((Say(text="one"),)), scripted((Say(text="two"),))

    async def main(here: Stage) -> None:
        here.ask()
        here.tell(rc.Configure(provider=second.provider, next="turn"))
        here.tell(rc.Configure(model="of the second", next="turn"))
        await here.until(rc.Completed, here.ask())

        assert here.texts() == ["hello", "one", "hello", "two"]
        assert here.host.status("s").model == "of the second"

    async def whole() -> None:
        async with stage(first) as here:
            await main(here)

    run(whole())


def test_a_new_model_keeps_the_providers_secrets() -> None:
    config = msgspec.structs.replace(
        scripted(), provider=rc.OpenAI(model="one", api_key="sk-one", base_url="http://127.0.0.1:9/v1")
    )

    async def main() -> None:
        async with stage(config) as here:
            here.tell(rc.Configure(model="two"))
            here.tell(rc.Configure(model="three", next="turn"))

            assert here.host.status("s").model == "three"
            assert "sk-one" not in repr(here.events)

    run(main())


def test_what_is_known_of_a_new_model_takes_the_place_of_what_was_known() -> None:
    config = msgspec.structs.replace(
        scripted(),
        provider=rc.OpenAI(model="one", api_key="k", facts=ModelFacts(context_limit_tokens=5)),
    )

    async def main() -> None:
        async with stage(config) as here:
            assert here.host.status("s").context_limit_tokens == 5
            here.tell(rc.Configure(model="gpt-4o"))
            assert here.host.status("s").context_limit_tokens == 128_000

    run(main())


def test_content_that_the_provider_does_not_take_is_refused_before_it_is_a_message() -> None:
    config = msgspec.structs.replace(scripted(), provider=rc.Anthropic(model="claude", api_key="k"))
    picture = rc.Image(data=b"<svg/>", media_type="image/svg+xml")

    async def main() -> None:
        async with stage(config) as here:
            with pytest.raises(UnsupportedContent, match=r"content\[1\]: anthropic takes images of image/gif"):
                here.tell(rc.UserMessage(content=(rc.Text("What is this?"), picture)))
            with pytest.raises(UnsupportedContent, match=r"content\[0\].content\[0\]: "):
                here.tell(rc.ToolResults(results=(rc.ToolResult("a", (picture,)),)))

            assert here.host.status("s").turns == 0
            here.tell(rc.Configure(provider=rc.Scripted()))
            turn = here.tell(rc.UserMessage(content=(rc.Text("What is this?"), picture))).turn
            await here.until(rc.Completed, turn)

    run(main())


def test_turns_and_the_session_cost_what_their_requests_do() -> None:
    prices = (Prices(input=1_000_000.0, output=2_000_000.0),)  # a dollar for a token in, two for one out
    script = Script(answers=((Say("caw"),),))
    provider = rc.Scripted(script=script, facts=ModelFacts(prices=prices))

    async def main() -> None:
        async with stage(rc.SessionConfig(provider=provider)) as here:
            first = await here.until(rc.Completed, here.ask())
            second = await here.until(rc.Completed, here.ask())
            assert isinstance(first, rc.Completed)
            assert isinstance(second, rc.Completed)

            for usage in (first.usage, second.usage):
                assert usage.cost.usd == (usage.input.tokens or 0) + 2 * (usage.output.tokens or 0) > 0
                assert usage.cost.provenance is Provenance.ESTIMATED
            assert here.host.status("s").usage == first.usage + second.usage

    run(main())
