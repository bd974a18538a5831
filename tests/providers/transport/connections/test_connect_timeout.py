"""How long a connection may take to open: as the config says."""

import asyncio
import time

import pytest
from fixtures.clients import REQUEST, Config, anthropic, bedrock, cohere, google, openai

from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.errors import ProviderUnavailable


@pytest.mark.parametrize("config", [anthropic, openai, google, cohere, bedrock])
def test_a_connection_that_does_not_open_is_given_up_after_the_time_of_the_config(config: Config) -> None:
    """The server accepts connections, and never begins with TLS."""

    async def main() -> float:
        waiting: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(lambda _, writer: waiting.append(writer), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = open_client(config(f"https://127.0.0.1:{port}", connect_timeout_s=0.2))
        began = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            await client.complete(REQUEST)
        await client.aclose()
        for writer in waiting:
            writer.close()
        server.close()
        return time.monotonic() - began

    assert asyncio.run(main()) < 5  # by default it is 10 seconds
