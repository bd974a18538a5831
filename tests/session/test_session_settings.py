"""New settings for a session at work."""

import msgspec
from stage import Stage, scripted, stage
from virtual_time import run

import rayconteur as rc


def test_a_model_that_waits_goes_to_the_provider_that_waits_before_it() -> None:
    first, second = scripted((rc.Say(text="one"),)), scripted((rc.Say(text="two"),))

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
