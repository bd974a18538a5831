"""Many tools at a provider with a tool search of its own: all are sent, and the provider defers and finds them."""

import msgspec
import pytest
from builders.conversation import (
    answered,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    tool_results,
    user_message,
)

from rayconteur.compaction.estimate.estimator import new_estimator
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.models import with_model_facts
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.content import Opaque, ToolUse
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import DeferTools
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

CLAUDE = with_model_facts(Anthropic(model="claude-sonnet-4-6"))
GPT = with_model_facts(OpenAI(model="gpt-5.4"))
AZURE = with_model_facts(AzureOpenAI(deployment="gpt-5.4", endpoint="https://a.openai.azure.com", api_version="v1"))
MANY = tuple(Tool(name=f"tool_{number}", description="What it does. " * 20) for number in range(40))
HAND_IN = Tool(name="hand_in", ends_turn=True)
SEARCHES = {"anthropic": "tool_search_tool_bm25", "openai": "tool_search", "azureopenai": "tool_search"}
FOUND = Opaque("anthropic", "tool_search_tool_result", b'{"type":"tool_search_tool_result","tool_use_id":"s"}')


def config(provider: ProviderConfig, *tools: Tool | ProviderTool, **settings: object) -> SessionConfig:
    made = SessionConfig(provider=provider, tools=tools or (HAND_IN, *MANY))
    return msgspec.structs.replace(made, **settings)


def asked(made: SessionConfig) -> tuple[Conversation, SendRequest]:
    conversation = opened_conversation(made)
    return conversation, only_one(SendRequest, conversation.handle(user_message("hi")))


def ask(conversation: Conversation, settings: TurnSettings | None = None) -> SendRequest:
    message = user_message("again") if settings is None else received(asks_with(settings))
    return only_one(SendRequest, conversation.handle(message))


def asks_with(settings: TurnSettings) -> msg.UserMessage:
    message = user_message("again").message
    assert isinstance(message, msg.UserMessage)
    return msgspec.structs.replace(message, settings=settings)


def use_and_end(conversation: Conversation, name: str) -> None:
    """The model finds the tool *name* by the provider's search, uses it, and answers."""
    conversation.handle(answered(conversation.requests, FOUND, ToolUse("a", name, {})))
    conversation.handle(tool_results(conversation.history[-1].content[-1].id))  # type: ignore[union-attr]
    conversation.handle(answered(conversation.requests, "done"))


def names(send: SendRequest) -> list[str]:
    return [tool.name for tool in send.config.tools]


def deferred(send: SendRequest) -> list[str]:
    return [tool.name for tool in send.config.tools if isinstance(tool, Tool) and tool.deferred]


ALL = [tool.name for tool in MANY]


@pytest.mark.parametrize("provider", [CLAUDE, GPT, AZURE], ids=lambda provider: provider.name)
def test_a_provider_with_a_search_of_its_own_is_sent_all_tools_and_defers_them_itself(provider: ProviderConfig) -> None:
    conversation, first = asked(config(provider))
    batch = only_one(out.ToolBatch, emitted_events(conversation.handle(answered(1, ToolUse("a", "tool_7", {})))))
    second = only_one(SendRequest, conversation.handle(tool_results("a")))
    conversation.handle(answered(2, "done"))

    assert names(first) == ["hand_in", SEARCHES[provider.name], *ALL]
    assert deferred(first) == ALL
    assert [use.name for use in batch.uses] == ["tool_7"]
    assert first.config.tools == second.config.tools == ask(conversation).config.tools  # the provider's cache is kept
    assert second.prompts == ()


NO_FACTS = ModelFacts()
OWN: dict[str, SessionConfig] = {
    "a provider without": config(Scripted()),
    "an older Claude": config(with_model_facts(Anthropic(model="claude-3-7-sonnet-latest"))),
    "an unknown Claude": config(with_model_facts(Anthropic(model="claude-next"))),
    "a compatible server": config(
        with_model_facts(Anthropic(model="claude-sonnet-4-6", base_url="http://localhost:1"))
    ),
    "Claude in Foundry": config(
        with_model_facts(Anthropic(model="claude-sonnet-4-6", base_url="https://a.services.ai.azure.com/anthropic"))
    ),
    "an older GPT": config(with_model_facts(OpenAI(model="gpt-5.2"))),
    "a server like OpenAI's": config(with_model_facts(OpenAI(model="gpt-5.4", base_url="http://localhost:1/v1"))),
    "Chat Completions": config(with_model_facts(OpenAI(model="gpt-5.4", api="chat"))),
    "a setting of Chat Completions": config(GPT, stop_sequences=("stop",)),
    "a dated version of Azure": config(
        with_model_facts(
            AzureOpenAI(deployment="gpt-5.4", endpoint="https://a.openai.azure.com", api_version="2025-04-01")
        )
    ),
    "a tool has to be used": config(CLAUDE, tool_choice=ToolChoice(mode="required")),
    "tools in the text": config(CLAUDE, tool_protocol="text"),
    "a tool with the name of the search": config(CLAUDE, *MANY, Tool(name="tool_search_tool_bm25")),
    "more strict tools than Claude takes": config(
        CLAUDE, *(msgspec.structs.replace(tool, strict=True) for tool in MANY[:21]), *MANY[21:]
    ),
    "more tools than OpenAI takes": config(GPT, *(Tool(name=f"tool_{number}") for number in range(127))),
    "facts that say no": config(msgspec.structs.replace(CLAUDE, facts=ModelFacts(searches_tools=False))),
}


@pytest.mark.parametrize("made", OWN.values(), ids=OWN)
def test_elsewhere_the_session_s_own_search_is_used(made: SessionConfig) -> None:
    send = asked(made)[1]

    assert "search_tools" in names(send)
    assert deferred(send) == []


def test_a_session_that_defers_nothing_or_has_a_search_of_its_own_choice_is_left_to_it() -> None:
    regex = ProviderTool(
        provider="anthropic", definition={"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    )

    assert names(asked(config(CLAUDE, *MANY, defer_tools=DeferTools.NEVER))[1]) == ALL
    assert names(asked(config(CLAUDE, *MANY, regex))[1]) == ["tool_search_tool_regex", *ALL]


def test_where_a_compatible_server_is_said_to_have_the_search_it_is_used() -> None:
    facts = ModelFacts(searches_tools=True)

    assert deferred(asked(config(Anthropic(model="claude", base_url="http://localhost:1", facts=facts)))[1]) == ALL


def test_deferred_definitions_take_no_room_in_the_context_or_only_their_descriptions() -> None:
    def settings_tokens(provider: ProviderConfig, **settings: object) -> int:
        return new_estimator(provider.name).tokens_of_settings(asked(config(provider, **settings))[1].config)

    few = settings_tokens(CLAUDE, tools=(HAND_IN,))
    shown = settings_tokens(CLAUDE, defer_tools=DeferTools.NEVER)
    described, whole = settings_tokens(GPT), settings_tokens(GPT, defer_tools=DeferTools.NEVER)

    assert settings_tokens(CLAUDE) - few < (shown - few) / 20
    assert whole / 2 < described < whole + 20


def test_an_answer_that_has_searched_does_not_seem_to_fill_the_context_twice() -> None:
    conversation, _ = asked(config(CLAUDE))
    twice = Usage(input=reported(90_000), output=reported(10))

    conversation.handle(answered(1, FOUND, "done", usage=twice))

    assert (conversation.fill.count.tokens or 0) < 2_000
    assert conversation.usage.input.tokens == 90_000


def test_without_the_search_what_the_history_uses_is_defined_and_with_it_again_too() -> None:
    conversation, _ = asked(config(CLAUDE))
    use_and_end(conversation, "tool_7")

    conversation.handle(received(msg.Configure(provider=Scripted())))
    own = ask(conversation)
    conversation.handle(answered(conversation.requests, "done"))
    conversation.handle(received(msg.Configure(provider=GPT)))
    other = ask(conversation)

    assert names(own) == ["hand_in", "search_tools", "tool_7"]
    assert names(other) == ["hand_in", "tool_search", *(name for name in ALL if name != "tool_7"), "tool_7"]
    assert "tool_7" not in deferred(other)


def test_a_turn_with_another_provider_has_the_tools_that_the_history_uses_and_leaves_those_that_it_uses() -> None:
    conversation, _ = asked(config(CLAUDE))
    use_and_end(conversation, "tool_7")

    turn = ask(conversation, TurnSettings(provider=Scripted()))
    use_and_end(conversation, "tool_9")

    assert names(turn) == ["hand_in", "search_tools", "tool_7"]
    assert names(ask(conversation))[-2:] == ["tool_7", "tool_9"]


def test_new_tools_are_deferred_and_those_found_by_the_provider_are_not_shown_on_their_account() -> None:
    conversation, _ = asked(config(CLAUDE, *MANY))
    use_and_end(conversation, "tool_7")

    conversation.handle(received(msg.Configure(tools=(*MANY, Tool(name="new")))))

    assert deferred(ask(conversation)) == [*ALL, "new"]


def test_what_the_search_of_one_turn_s_provider_found_is_defined_afterwards() -> None:
    conversation, _ = asked(config(Scripted()))
    conversation.handle(answered(1, "done"))

    ask(conversation, TurnSettings(provider=CLAUDE))
    use_and_end(conversation, "tool_9")

    assert names(ask(conversation)) == ["hand_in", "search_tools", "tool_9"]
