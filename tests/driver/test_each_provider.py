"""A session of each provider, with the vendor's real SDK in the process of the session."""

import asyncio

from fixtures.clients import EACH_PROVIDER, Config
from servers.loopback import Loopback, answers

import rayconteur as rc


@EACH_PROVIDER
def test_a_session_of_each_provider_answers(
    runner: asyncio.Runner, async_runtime: rc.Runtime, config: Config, stream: bytes
) -> None:
    async def main() -> rc.FromLLM:
        async with Loopback(answers(stream)) as server:
            session = await async_runtime.spawn(rc.SessionConfig(provider=config(server.url)))
            async for event in session.ask("Where is the raven?"):
                if isinstance(event, rc.ToolBatch | rc.Completed | rc.Failed):
                    return event
        raise AssertionError("the turn did not end")

    assert isinstance(runner.run(main()), rc.ToolBatch | rc.Completed)
