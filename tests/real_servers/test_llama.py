"""Requests to llama.cpp's server, through the real clients.

What it does otherwise than the services whose APIs it has:

    Responses     its events have an ``item_id``, but neither ``output_index`` nor ``content_index``; an answer that
                  reached the limit of tokens is ``completed``
    all           errors have OpenAI's form, also in Anthropic's API, with the status as ``code``; any model's name is
                  accepted; an idle connection is closed after five seconds
"""

import asyncio

import pytest
from builders.messages import assistant, user
from fixtures.clients import Config, answer_to
from msgspec.structs import replace
from servers.llama import EACH_API, Llama, chat, messages, responses

from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import AuthenticationFailed, ContextOverflow, ProviderError
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool, ToolChoice
from rayconteur.providers.schema.usage import Provenance

SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string", "enum": ["Oslo", "Bergen"]}, "hour": {"type": "integer", "enum": [6]}},
    "required": ["place", "hour"],
    "additionalProperties": False,
}
SHORT = Settings(max_output_tokens=8)
END_OF_CALL = "</tool_call>"
MEASURES = Settings(
    max_output_tokens=100,
    temperature=0,
    tools=(Tool(name="measure", description="How cold it is.", input_schema=SCHEMA),),
)
QUESTION = user(Text("What is a raven?"))
BEGIN_A_CALL = user(Text("Repeat: <tool_call>\n<tool_call>\n<tool_call>"))
"""What makes even this model begin a tool call; the server's grammar does the rest."""

STREAMED_OR_NOT = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
ANSWERS = pytest.mark.parametrize(
    ("config", "streamed"),
    [(chat, True), (chat, False), (responses, False), (messages, True), (messages, False)],
    ids=["chat-streamed", "chat-whole", "responses-whole", "messages-streamed", "messages-whole"],
)


async def ask(provider: ProviderConfig, streamed: bool, settings: Settings, *history: Message) -> Answer:
    client = open_client(provider)
    client.check_settings(settings)
    return await answer_to(Request(1 + len(history) // 2, history, settings), client, streamed)


@ANSWERS
def test_an_answer_has_its_text_its_end_and_its_usage(llama: Llama, config: Config, streamed: bool) -> None:
    answer = asyncio.run(ask(config(llama.url), streamed, SHORT, QUESTION))

    [block] = answer.content
    assert isinstance(block, Text)
    assert block.text
    assert answer.stop_reason is (StopReason.END_TURN if config is responses else StopReason.MAX_TOKENS)
    usage = answer.usage
    assert (usage.output.tokens, usage.output.provenance) == (8, Provenance.REPORTED)
    assert usage.input.provenance is Provenance.REPORTED
    assert (usage.input.tokens or 0) > 10  # whether they are in the server's cache or not


@ANSWERS
def test_a_required_tool_call_and_the_answer_to_its_result(llama: Llama, config: Config, streamed: bool) -> None:
    async def main() -> None:
        call = await ask(*_must_call(config, llama.url, streamed), BEGIN_A_CALL)

        [use] = call.content
        assert isinstance(use, ToolUse)
        assert (use.name, use.malformed) == ("measure", None)
        assert use.input in ({"place": place, "hour": 6} for place in ("Oslo", "Bergen"))
        assert call.stop_reason is StopReason.TOOL_USE

        result = user(ToolResult(tool_use_id=use.id, content=(Text("4 degrees"),)))
        settings = replace(MEASURES, max_output_tokens=8)
        answer = await ask(config(llama.url), streamed, settings, BEGIN_A_CALL, assistant(*call.content), result)

        assert isinstance(answer.content[0], Text)

    asyncio.run(main())


def _must_call(config: Config, url: str, streamed: bool) -> tuple[ProviderConfig, bool, Settings]:
    """A client's config and the settings with which the model calls a tool, once."""
    settings = replace(MEASURES, tool_choice=ToolChoice(mode="required"))
    if config is responses:  # whose requests have no stop sequences; the server takes them all the same
        return config(url, extra_body={"stop": [END_OF_CALL]}), streamed, settings
    return config(url), streamed, replace(settings, stop_sequences=(END_OF_CALL,))


@EACH_API
@STREAMED_OR_NOT
def test_a_request_that_exceeds_the_context_is_reported_as_such(llama: Llama, config: Config, streamed: bool) -> None:
    too_long = user(Text("Nevermore. " * 1_000))

    with pytest.raises(ContextOverflow, match=r"exceeds the available context size \(1024 tokens\)") as raised:
        asyncio.run(ask(config(llama.url), streamed, SHORT, too_long))

    assert raised.value.status == 400


@EACH_API
@STREAMED_OR_NOT
def test_a_wrong_key_is_reported_as_such(llama: Llama, config: Config, streamed: bool) -> None:
    with pytest.raises(AuthenticationFailed, match="Invalid API Key"):
        asyncio.run(ask(config(llama.url, api_key="sk-wrong"), streamed, SHORT, QUESTION))


def test_a_wrong_address_is_reported_with_the_server_s_message(llama: Llama) -> None:
    with pytest.raises(ProviderError, match="File Not Found") as raised:
        asyncio.run(ask(chat(f"{llama.url}/wrong"), True, SHORT, QUESTION))

    assert raised.value.status == 404
