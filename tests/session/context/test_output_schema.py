"""A schema for the answer of one turn, next to the session's own settings."""

import asyncio
from typing import Any

import msgspec
import pytest
from fixtures.clients import EACH_PROVIDER, Config
from fixtures.session import running_session, scripted_config
from fixtures.virtual_time import run
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers import ModelFacts

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"wing_beats": {"type": "integer"}},
    "required": ["wing_beats"],
    "additionalProperties": False,
}
ASKED = rc.UserMessage(content=(rc.Text("How many?"),), output_schema=SCHEMA)


@EACH_PROVIDER
def test_every_provider_gets_the_schema_of_a_turn_and_not_in_the_next(config: Config, stream: bytes) -> None:
    bodies: asyncio.Queue[bytes] = asyncio.Queue()

    async def respond(exchange: Exchange) -> None:
        bodies.put_nowait(exchange.request.body)
        await exchange.send_answer(stream)

    async def main() -> list[bool]:
        async with (
            Loopback(respond) as server,
            running_session(rc.SessionConfig(provider=config(server.url))) as session,
        ):
            sent: list[bytes] = []
            for message in (ASKED, rc.UserMessage.of("And now?")):
                session.tell(message)
                sent.append(await bodies.get())
                session.tell(rc.Interrupt())
            return [b"wing_beats" in body for body in sent]

    assert asyncio.run(main()) == [True, False]


def test_a_schema_that_the_model_does_not_support_is_rejected_and_no_turn_starts() -> None:
    provider = rc.OpenAI(model="one", api_key="k", facts=ModelFacts(fits_schemas=False))
    config = msgspec.structs.replace(scripted_config(), provider=provider)

    async def main() -> None:
        async with running_session(config) as session:
            with pytest.raises(InvalidConfig, match=r"^output_schema: one does not support schemas"):
                session.tell(ASKED)
            assert session.status().turns == 0

    run(main())
