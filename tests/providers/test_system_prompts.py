"""System prompts in blocks: without marks, as one text; with marks, for the caches of those that take some."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from builders import bedrock as bedrock_builders
from builders.messages import HI, assistant, user
from validators.anthropic import violations

from rayconteur.compaction.estimate.estimator import Estimator
from rayconteur.errors import InvalidConfig
from rayconteur.providers.anthropic import requests as anthropic
from rayconteur.providers.bedrock import requests as bedrock
from rayconteur.providers.claude.bound_thinking import prompt_fingerprint
from rayconteur.providers.cohere import requests as cohere
from rayconteur.providers.cohere.rules import Dialect as CohereDialect
from rayconteur.providers.google import requests as google
from rayconteur.providers.google.rules import Dialect as GoogleDialect
from rayconteur.providers.openai.chat import requests as chat
from rayconteur.providers.openai.dialect import Dialect as OpenAIDialect
from rayconteur.providers.openai.responses import requests as responses
from rayconteur.providers.schema.content import Citation, Text
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.tools import TextTools, Tool, ToolChoice
from rayconteur.providers.text_tools.instructions import with_tools
from rayconteur.providers.wire.cache_points import MAX_MARKS, check_system, system_text

MARK = {"type": "ephemeral"}
POINT = {"cachePoint": {"type": "default"}}
BLOCKS = (Text("You fly."), Text(" "), Text("You caw."))
MARKED = (Text("You fly."), Text("You caw.", cache=True), Text("You play."), Text("Often."))
HISTORY = (user(HI), assistant(HI), user(HI, turn=2), assistant(HI, turn=2), user(HI, turn=3))
FLY = Tool(name="fly")

BODIES: dict[str, Callable[[Request], bytes]] = {
    "anthropic": lambda request: anthropic.body(request, anthropic.Dialect("claude-x"), True),
    "bedrock": lambda request: bedrock.body(request, bedrock_builders.CLAUDE),
    "cohere": lambda request: cohere.body(request, CohereDialect("command-x", ModelFacts()), True),
    "google": lambda request: google.body(request, GoogleDialect("gemini-2.5-flash")),
    "chat": lambda request: chat.body(request, OpenAIDialect("openai", "gpt"), True),
    "responses": lambda request: responses.body(request, OpenAIDialect("openai", "gpt", api="responses"), True),
}


def body(api: str, settings: Settings) -> dict[str, Any]:
    return msgspec.json.decode(BODIES[api](Request(1, HISTORY, settings)), type=dict[str, Any])


@pytest.mark.parametrize("api", BODIES)
def test_blocks_without_marks_are_sent_as_their_text_with_blank_lines_between(api: str) -> None:
    sent = body(api, Settings(system=BLOCKS))

    assert sent == body(api, Settings(system="You fly.\n\nYou caw."))
    assert "You fly.\\n\\nYou caw." in msgspec.json.encode(sent).decode()


@pytest.mark.parametrize("api", BODIES)
def test_blocks_of_blank_text_are_no_system_prompt(api: str) -> None:
    assert body(api, Settings(system=(Text(" "), Text("\u200b")))) == body(api, Settings())


@pytest.mark.parametrize("api", ["cohere", "google", "chat", "responses"])
def test_providers_that_take_no_marks_get_the_text(api: str) -> None:
    assert body(api, Settings(system=MARKED)) == body(api, Settings(system=system_text(MARKED)))


def test_anthropic_gets_the_parts_up_to_each_mark_and_no_other_mark_on_the_prompt() -> None:
    sent = body("anthropic", Settings(system=MARKED, tools=(FLY,)))

    assert violations(sent) == []
    assert sent["system"] == [
        {"type": "text", "text": "You fly.\n\nYou caw.", "cache_control": MARK},
        {"type": "text", "text": "You play.\n\nOften."},
    ]
    assert not any("cache_control" in tool for tool in sent["tools"])


def test_bedrock_gets_the_parts_up_to_each_mark_and_no_other_mark_on_the_prompt() -> None:
    sent = body("bedrock", Settings(system=MARKED))

    assert sent["system"] == [{"text": "You fly.\n\nYou caw."}, POINT, {"text": "You play.\n\nOften."}]


@pytest.mark.parametrize(("api", "mark"), [("anthropic", "cache_control"), ("bedrock", "cachePoint")])
@pytest.mark.parametrize("marks", range(1, MAX_MARKS + 1))
@pytest.mark.parametrize("tools", [(), (FLY,)])
def test_a_request_has_at_most_four_marks_and_one_on_its_messages(
    api: str, mark: str, marks: int, tools: tuple[Tool, ...]
) -> None:
    system = tuple(Text(f"Rule {number}.", cache=number < marks) for number in range(5))

    encoded = msgspec.json.encode(body(api, Settings(system=system, tools=tools))).decode()

    in_messages = msgspec.json.encode(body(api, Settings(system=system, tools=tools))["messages"]).decode()
    assert encoded.count(f'"{mark}"') <= 4
    assert in_messages.count(f'"{mark}"') >= 1


@pytest.mark.parametrize(("api", "mark"), [("anthropic", "cache_control"), ("bedrock", "cachePoint")])
def test_without_prompt_caching_no_mark_is_sent(api: str, mark: str) -> None:
    sent = body(api, Settings(system=MARKED, prompt_caching=False))

    assert mark not in msgspec.json.encode(sent).decode()
    assert sent == body(api, Settings(system=system_text(MARKED), prompt_caching=False)) or api == "bedrock"


def test_tools_in_the_prompt_come_after_its_blocks_which_keep_their_marks() -> None:
    prompt = with_tools(MARKED, (FLY,), TextTools(), ToolChoice())

    assert not isinstance(prompt, str)
    assert prompt[:-1] == MARKED
    assert "fly" in prompt[-1].text
    assert system_text(prompt) == with_tools(system_text(MARKED), (FLY,), TextTools(), ToolChoice())


@pytest.mark.parametrize("system", [BLOCKS, MARKED])
def test_estimates_and_fingerprints_are_those_of_the_text(system: tuple[Text, ...]) -> None:
    text = system_text(system)
    estimator = Estimator("anthropic")

    assert estimator.counted_settings(Settings(system=system)) == estimator.counted_settings(Settings(system=text))
    assert prompt_fingerprint(system, ()) == prompt_fingerprint(text, ())


@pytest.mark.parametrize(
    ("system", "field"),
    [
        ((Text("a"), Text("b", citations=(Citation(cited_text="c"),))), "config.system[1].citations"),
        ((Text(" ", cache=True),), "config.system[0].cache"),
        (tuple(Text("a", cache=True) for _ in range(MAX_MARKS + 1)), f"config.system[{MAX_MARKS}].cache"),
    ],
)
def test_blocks_that_no_provider_takes_are_named(system: tuple[Text, ...], field: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        check_system(system, "config.system")

    assert raised.value.field == field
