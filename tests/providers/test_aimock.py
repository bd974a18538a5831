"""Talks with aimock, a server that others wrote, through the real clients.

It differs from the real providers in this, which our clients take:

    Anthropic     sends no ``ping``
    Google        stops for tools with ``FUNCTION_CALL``, where Google says ``STOP``
    Cohere        streams a tool plan of its own before tool calls, and no ``[DONE]`` in the end
    Bedrock       begins each text with ``contentBlockStart``; errors have no name, and Anthropic's form
    all of them   say when to come back with a 429 only, and guess the tokens or count none
"""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from fixtures.clients import KEY, anthropic, azure, bedrock, cohere, google, openai, responses
from servers.aimock import aimock_server

from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import Overloaded, ProviderError, ProviderUnavailable, RateLimited
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool

HOURS = {"type": "object", "properties": {"hours": {"type": "array", "items": {"type": "integer"}}}}
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "at": HOURS, "indoors": {"type": "boolean"}},
}
PLAIN = Settings()
WITH_TOOLS = Settings(tools=(Tool(name="measure", description="How warm it is.", input_schema=SCHEMA),))

SPOKEN = pytest.mark.parametrize(
    "config",
    [anthropic, openai, responses, azure, google, cohere, bedrock],
    ids=["anthropic", "openai", "responses", "azure", "google", "cohere", "bedrock"],
)
BOTH_WAYS = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])

Config = Callable[[str], ProviderConfig]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where aimock is."""
    with aimock_server() as url:
        yield url


def user(*content: Text | ToolResult) -> Message:
    return Message(role=Role.USER, content=content, turn=1)


async def answered(config: ProviderConfig, streamed: bool, settings: Settings, *messages: Message) -> Answer:
    client = open_client(config)
    client.check_settings(settings)
    draft = Draft(client.provider)
    request = Request(1 + len(messages) // 2, messages, settings)
    try:
        if streamed:
            async for deltas in client.stream(request):
                draft.add(deltas)
        else:
            draft.add(await client.complete(request))
    finally:
        await client.aclose()
    return draft.finish()


@SPOKEN
@BOTH_WAYS
def test_text_is_decoded_unchanged(url: str, config: Config, streamed: bool) -> None:
    answer = asyncio.run(answered(config(url), streamed, PLAIN, user(Text("Who are you?"))))

    assert answer.content == (Text("A raven, «of the saintly days of yore» — and not a stork. 🐦‍⬛"),)
    assert answer.stop_reason is StopReason.END_TURN
    assert answer.usage.output.tokens is not None


@SPOKEN
@BOTH_WAYS
def test_a_tool_call_and_the_answer_to_its_result_are_decoded(url: str, config: Config, streamed: bool) -> None:
    asked = user(Text("How cold is it in Tromsø?"))

    first = asyncio.run(answered(config(url), streamed, WITH_TOOLS, asked))

    [use] = [block for block in first.content if isinstance(block, ToolUse)]
    assert [block for block in first.content if not isinstance(block, ToolUse | Thinking)] == []
    assert (use.name, use.malformed) == ("measure", None)
    assert use.input == {"place": "Tromsø", "at": {"hours": [6, 18]}, "indoors": False}
    assert first.stop_reason is StopReason.TOOL_USE

    said = Message(role=Role.ASSISTANT, content=first.content, turn=1)
    result = user(ToolResult(tool_use_id=use.id, content=(Text("4 degrees"),)))
    second = asyncio.run(answered(config(url), streamed, WITH_TOOLS, asked, said, result))

    assert second.content == (Text("It is 4 degrees in Tromsø: take a coat."),)
    assert second.stop_reason is StopReason.END_TURN


@SPOKEN
@BOTH_WAYS
@pytest.mark.parametrize(
    ("status", "kind", "message", "retry_after_s"),
    [
        (429, RateLimited, "Slow down.", 7.0),
        (500, ProviderUnavailable, "Something broke.", None),
        (529, Overloaded, "Too much to do.", None),
    ],
)
def test_a_rejected_request_is_our_error_with_the_provider_s_message(
    url: str,
    config: Config,
    streamed: bool,
    status: int,
    kind: type[ProviderError],
    message: str,
    retry_after_s: float | None,
) -> None:
    with pytest.raises(ProviderError) as raised:
        asyncio.run(answered(config(url), streamed, PLAIN, user(Text(f"Answer {status}."))))

    error = raised.value
    assert type(error) is kind
    assert (error.status, error.message, error.retry_after_s) == (status, message, retry_after_s)
    assert KEY not in repr(error.args)
