"""Changes of the system prompt and the tools as messages."""

from typing import Any

import msgspec
from builders.messages import assistant, user
from validators.anthropic_tools import change_violations

from rayconteur.providers.anthropic.requests import definition
from rayconteur.providers.claude.prompt_changes import PromptPlan, prompt_plan
from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.request import Prompt
from rayconteur.providers.schema.tools import ProviderTool, Tool

FLY, SIT = Tool(name="fly"), Tool(name="sit")
FAST = Tool(name="fly", description="Fly fast.")
SEARCH = ProviderTool(provider="anthropic", definition={"type": "web_search_20260318", "name": "web_search"})
COMPUTER = ProviderTool(provider="anthropic", definition={"type": "computer_toolset_20260801", "name": "computer"})
BASE = Prompt(system="Be brief.", tools=(FLY,))
HISTORY = [user(Text("One.")), assistant(Text("Yes.")), user(Text("Two."))]
BETA = ("inline-tools-2026-09-15",)


def plan(*changes: Prompt, base: Prompt = BASE, messages: Any = HISTORY) -> PromptPlan:
    return prompt_plan(
        [base, *changes], messages, [b"{}" if message.content else b"" for message in messages], definition
    )


def content(*changes: Prompt, base: Prompt = BASE, at: int = 2) -> Any:
    """The content of the system message after the message *at*."""
    planned = plan(*changes, base=base)
    message = msgspec.json.decode(planned.appended[at])
    assert planned.base is base
    assert message["role"] == "system"
    wire = [{"role": "user", "content": "."}, {"role": "assistant", "content": "."}, {"role": "user", "content": "."}]
    assert list(change_violations([*wire, message], list(map(definition, base.tools)), BETA)) == []
    return message["content"]


def changed(
    start: int = 2, system: str | None = "Be brief.", tools: tuple[Tool | ProviderTool, ...] = (FLY,)
) -> Prompt:
    return Prompt(start=start, system=system, tools=tools)


def addition(reference: str) -> dict[str, Any]:
    return {"type": "tool_addition", "tool": {"type": "tool_reference", "name": reference}}


def removal(reference: str) -> dict[str, Any]:
    return {"type": "tool_removal", "tool": {"type": "tool_reference", "name": reference}}


def inline(tool: Tool | ProviderTool) -> dict[str, Any]:
    sent = msgspec.json.decode(msgspec.json.encode(definition(tool)))  # in which the schema is JSON already
    return {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": sent}}


def test_new_instructions_say_that_they_replace_the_earlier_ones() -> None:
    [block] = content(changed(system="Be a raven."))

    assert block["type"] == "text"
    assert block["text"].endswith("replace all earlier ones:\n\nBe a raven.")


def test_a_removed_system_prompt_is_taken_back() -> None:
    assert "no longer applies" in content(changed(system=None))[0]["text"]


def test_a_tool_is_removed_by_its_name_and_added_with_its_definition() -> None:
    assert content(changed(tools=(SIT, SEARCH))) == [removal("fly"), inline(SIT), inline(SEARCH)]


def test_all_tools_can_be_removed() -> None:
    assert content(changed(tools=())) == [removal("fly")]


def test_another_definition_of_a_tool_replaces_it() -> None:
    assert content(changed(tools=(FAST,))) == [inline(FAST)]


def test_a_tool_that_comes_back_is_added_by_its_name_if_its_last_definition_is_the_same() -> None:
    messages = [user(Text(".")), assistant(Text(".")), user(Text(".")), assistant(Text(".")), user(Text("."))]
    there_and_back = plan(changed(tools=()), changed(start=4), messages=messages)
    redefined = plan(changed(tools=(FAST,)), changed(start=4), messages=messages)

    assert msgspec.json.decode(there_and_back.appended[4])["content"] == [addition("fly")]
    assert msgspec.json.decode(redefined.appended[4])["content"] == [inline(FLY)]


def test_several_changes_at_one_place_are_one_message() -> None:
    assert content(changed(tools=(SIT,)), changed(tools=(FLY, SIT))) == [inline(SIT)]


def test_a_change_that_is_taken_back_before_it_applies_needs_no_message() -> None:
    assert plan(changed(tools=(SIT,)), changed()) == PromptPlan(BASE)


def test_a_change_before_the_first_answer_replaces_the_prompt() -> None:
    later = changed(start=1, tools=(SIT,))

    assert plan(later, messages=HISTORY[:1] * 2) == PromptPlan(later)


def test_a_change_follows_the_last_of_several_user_messages_and_never_precedes_a_tool_result() -> None:
    use, result = ToolUse(id="a", name="fly", input={}), ToolResult(tool_use_id="a")
    messages = [user(Text(".")), assistant(use), user(result), user(Text(".")), user(), assistant(Text("."))]

    assert list(plan(changed(start=1, tools=()), messages=messages).appended) == [3]


def test_a_change_that_no_user_message_follows_yet_is_not_sent() -> None:
    assert plan(changed(start=3, tools=(SIT,))) == PromptPlan(BASE)


def test_changes_without_a_form_of_their_own_replace_the_prompt() -> None:
    without_tools = Prompt(system="Be brief.")
    for base, tools in [
        (without_tools, (FLY,)),
        (BASE, (FLY, COMPUTER)),
        (BASE, (FLY, Tool(name="sit", deferred=True))),
        (BASE, (ProviderTool(provider="anthropic", definition={"type": "bash_20250124", "name": "fly"}),)),
    ]:
        last = changed(tools=tools)

        assert plan(last, base=base) == PromptPlan(last)
