"""Conversations with aimock, a third-party mock server, through the real clients.

Its answers differ from those of the real providers, and the clients have to decode them, too:

    Anthropic     sends no ``ping``
    Google        stops for tool calls with ``FUNCTION_CALL``, where Google has ``STOP``
    Cohere        streams a tool plan of its own before tool calls, and no ``[DONE]`` at the end
    Bedrock       starts each text with ``contentBlockStart``; errors have no name, and Anthropic's form; a cache point
                  among the tools is a 500, so nothing is marked here
    all           send a retry delay with status 429 only, and estimate the token counts or send none
"""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from builders.messages import assistant, user
from fixtures.clients import KEY, answer_to, anthropic, azure, bedrock, cohere, google, openai, responses
from servers.aimock import aimock_server

from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import Overloaded, ProviderError, ProviderUnavailable, RateLimited
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool

HOURS = {"type": "object", "properties": {"hours": {"type": "array", "items": {"type": "integer"}}}}
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "at": HOURS, "indoors": {"type": "boolean"}},
}
PLAIN = Settings()
WITH_TOOLS = Settings(
    tools=(Tool(name="measure", description="How warm it is.", input_schema=SCHEMA),), prompt_caching=False
)

EACH_PROVIDER = pytest.mark.parametrize(
    "config",
    [anthropic, openai, responses, azure, google, cohere, bedrock],
    ids=["anthropic", "openai", "responses", "azure", "google", "cohere", "bedrock"],
)
STREAMED_OR_NOT = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])

Config = Callable[[str], ProviderConfig]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of aimock."""
    with aimock_server() as url:
        yield url


async def ask(config: ProviderConfig, streamed: bool, settings: Settings, *messages: Message) -> Answer:
    client = open_client(config)
    client.check_settings(settings)
    return await answer_to(Request(1 + len(messages) // 2, messages, settings), client, streamed)


@EACH_PROVIDER
@STREAMED_OR_NOT
def test_text_is_decoded_unchanged(url: str, config: Config, streamed: bool) -> None:
    answer = asyncio.run(ask(config(url), streamed, PLAIN, user(Text("Who are you?"))))

    assert answer.content == (Text("A raven, «of the saintly days of yore» — and not a stork. 🐦‍⬛"),)
    assert answer.stop_reason is StopReason.END_TURN
    assert answer.usage.output.tokens is not None


@EACH_PROVIDER
@STREAMED_OR_NOT
def test_a_tool_call_and_the_answer_to_its_result_are_decoded(url: str, config: Config, streamed: bool) -> None:
    question = user(Text("How cold is it in Tromsø?"))

    first = asyncio.run(ask(config(url), streamed, WITH_TOOLS, question))

    [use] = [block for block in first.content if isinstance(block, ToolUse)]
    assert [block for block in first.content if not isinstance(block, ToolUse | Thinking)] == []
    assert (use.name, use.malformed) == ("measure", None)
    assert use.input == {"place": "Tromsø", "at": {"hours": [6, 18]}, "indoors": False}
    assert first.stop_reason is StopReason.TOOL_USE

    call = assistant(*first.content)
    result = user(ToolResult(tool_use_id=use.id, content=(Text("4 degrees"),)))
    second = asyncio.run(ask(config(url), streamed, WITH_TOOLS, question, call, result))

    assert second.content == (Text("It is 4 degrees in Tromsø: take a coat."),)
    assert second.stop_reason is StopReason.END_TURN


@EACH_PROVIDER
@STREAMED_OR_NOT
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
        asyncio.run(ask(config(url), streamed, PLAIN, user(Text(f"Answer {status}."))))

    error = raised.value
    assert type(error) is kind
    assert (error.status, error.message, error.retry_after_s) == (status, message, retry_after_s)
    assert KEY not in repr(error.args)
