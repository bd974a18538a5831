"""Sessions at other platforms: credentials stay with the session, and appear in nothing that it says."""

import asyncio
from typing import Any

import msgspec
from fixtures.aws.signatures import KEY_ID, SECRET, TOKEN, assert_signed
from fixtures.clients import MESSAGES
from fixtures.session import SESSION_KEY, running_session
from servers.loopback import Loopback, answers

import rayconteur as rc
from rayconteur.providers import AWSAuth

AWS = AWSAuth(
    region="us-east-1", service="bedrock", access_key_id=KEY_ID, secret_access_key=SECRET, session_token=TOKEN
)


def anthropic(url: str, **fields: Any) -> rc.SessionConfig:
    provider = rc.Anthropic(model="claude-sonnet-4-6", base_url=url, **fields)
    return rc.SessionConfig(provider=provider).resolved({})


def test_a_session_signs_its_requests_also_after_a_change_of_the_model() -> None:
    async def main() -> None:
        async with (
            Loopback(answers(MESSAGES.replace(b"tool_use", b"end_turn"))) as server,
            running_session(anthropic(server.url, aws=AWS)) as session,
        ):
            await session.wait_for_event(rc.Completed, session.ask("Hi"))
            session.tell(rc.Configure(model="claude-opus-4-6"))
            await session.wait_for_event(rc.Completed, session.ask("Hi again"))

            assert [msgspec.json.decode(request.body)["model"] for request in server.received] == [
                "claude-sonnet-4-6",
                "claude-opus-4-6",
            ]
            for request in server.received:
                assert_signed(request, "bedrock", TOKEN)

            said = repr(session.events) + repr(session.host.settings(SESSION_KEY)) + repr(session.history())
            assert SECRET not in said
            assert TOKEN not in said

    asyncio.run(main())


def test_new_credentials_for_aws_apply_from_the_next_request() -> None:
    async def main() -> None:
        async with (
            Loopback(answers(MESSAGES.replace(b"tool_use", b"end_turn"))) as server,
            running_session(anthropic(server.url, aws=AWSAuth(bearer_token="a-first-token"))) as session,
        ):
            await session.wait_for_event(rc.Completed, session.ask("Hi"))
            session.tell(rc.Configure(provider=anthropic(server.url, aws=AWS).provider))
            await session.wait_for_event(rc.Completed, session.ask("Hi again"))

            first, second = server.received
            assert first.headers["authorization"] == "Bearer a-first-token"
            assert_signed(second, "bedrock", TOKEN)

    asyncio.run(main())
