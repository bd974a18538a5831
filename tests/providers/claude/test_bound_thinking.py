"""Thinking whose prefix has changed is left out, and no other: the validator checks requests along random edits."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from builders.messages import assistant, user
from hypothesis import given
from hypothesis import strategies as st
from validators.anthropic import violations
from validators.anthropic_prefix import PrefixCheck

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.claude.bound_thinking import BoundThinking, Context
from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.schema.content import Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Origin, Role
from rayconteur.providers.schema.request import Prompt, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool

TOOLS = tuple(Tool(name=name) for name in ("fly", "sit", "caw"))
FAST = Tool(name="fly", description="Fly fast.")
SYSTEMS = (None, "Be brief.", "Be a raven.")
OPUS = Dialect("claude-opus-5-5", claude_facts("claude-opus-5-5"), source="opus")
SONNET = Dialect("claude-sonnet-5-5", claude_facts("claude-sonnet-5-5"), source="sonnet")
UNBOUND = {"binds_thinking": False}


def edits(dialect: Dialect) -> Dialect:
    """*dialect* at an endpoint that has no messages of the role system."""
    return replace(dialect, facts=msgspec.structs.replace(dialect.facts, appends_prompts=False))


@dataclass
class Talk:
    """A conversation whose history and settings change in any way between its requests."""

    dialect: Dialect = OPUS
    messages: list[Message] = field(default_factory=list[Message])
    prompts: list[Prompt] = field(default_factory=lambda: [Prompt(system="Be brief.", tools=TOOLS[:2])])
    memo: WireMemo = field(default_factory=WireMemo)
    check: PrefixCheck = field(default_factory=PrefixCheck)
    answers: int = 0

    def ask(self, *, fails: bool = False) -> list[str]:
        """Ask the model. Its answer, if any, begins with thinking. Returns the signatures of the thinking sent."""
        self.messages.append(self._question())
        sent = self._body(self.dialect, self.memo)
        unbound = replace(self.dialect, facts=msgspec.structs.replace(self.dialect.facts, **UNBOUND))
        assert violations(sent, self.dialect.headers) == []
        assert self.check.violations(sent) == []
        assert self.check.needlessly_omitted(sent, self._body(unbound, WireMemo())) == []
        assert self._body(self.dialect, WireMemo()) == sent
        if not fails:
            self._answer(sent)
        return signatures(sent)

    def change_prompt(self, system: str | None, tools: tuple[Tool, ...]) -> None:
        self.prompts.append(Prompt(start=len(self.messages), system=system, tools=tools))

    def forget(self, first: int) -> None:
        """Compact: the *first* messages are gone, and what is said of prompts begins anew."""
        self.messages = [user(Text("Summary.")), *self.messages[first:]]
        self.prompts = [msgspec.structs.replace(self.prompts[-1], start=0)]

    def edit(self, index: int, change: Callable[[Message], Message]) -> None:
        self.messages[index] = change(self.messages[index])

    def _question(self) -> Message:
        last = self.messages[-1] if self.messages else None
        open_use = next((block.id for block in last.content if isinstance(block, ToolUse)), None) if last else None
        return user(ToolResult(tool_use_id=open_use)) if open_use else user(Text(f"Question {len(self.messages)}"))

    def _body(self, dialect: Dialect, memo: WireMemo) -> dict[str, Any]:
        settings = Settings(system=self.prompts[-1].system, tools=self.prompts[-1].tools)
        request = Request(1, tuple(self.messages), settings, memo, tuple(self.prompts))
        return msgspec.json.decode(body(request, dialect, True), type=dict[str, Any])

    def _answer(self, sent: dict[str, Any]) -> None:
        self.answers += 1
        signature = f"s{self.answers}"
        self.check.answered(sent, signature)
        origin = Origin(source=self.dialect.source, prefix=self.memo.prefix, previous=self.memo.previous)
        said = Text("Caw.") if self.answers % 3 else ToolUse(id=f"t{self.answers}", name="fly", input={})
        answer = assistant(Thinking(text="", provider="anthropic", signature=signature), said)
        self.messages.append(msgspec.structs.replace(answer, origin=origin))


def signatures(body: dict[str, Any]) -> list[str]:
    return [
        block["signature"]
        for message in body["messages"]
        for block in message["content"]
        if isinstance(block, dict) and block.get("type") == "thinking"
    ]


def test_thinking_goes_back_as_long_as_nothing_before_it_changes() -> None:
    talk = Talk()

    assert [talk.ask() for _ in range(4)] == [[], ["s1"], ["s1", "s2"], ["s1", "s2", "s3"]]


def test_a_changed_prompt_is_appended_so_that_no_thinking_is_lost() -> None:
    talk = Talk()
    talk.ask()
    talk.change_prompt("Be a raven.", TOOLS[1:])

    assert talk.ask() == ["s1"]


def test_thinking_after_an_appended_change_is_bound_to_it() -> None:
    talk = Talk()
    talk.ask()
    talk.change_prompt("Be a raven.", TOOLS[:2])
    talk.ask()
    talk.change_prompt("Be brief.", TOOLS[:2])
    talk.ask()
    del talk.prompts[1]

    assert talk.ask() == ["s1"]


def test_where_prompts_are_replaced_thinking_before_the_change_is_left_out_for_good() -> None:
    talk = Talk(dialect=edits(OPUS))
    talk.ask()
    talk.change_prompt("Be a raven.", TOOLS[:2])

    assert [talk.ask(), talk.ask()] == [[], ["s2"]]


def test_thinking_is_valid_again_once_the_prompt_is_again_what_it_was() -> None:
    talk = Talk(dialect=edits(OPUS))
    talk.ask()
    talk.change_prompt("Be a raven.", TOOLS[:2])
    talk.ask()
    talk.change_prompt("Be brief.", TOOLS[1::-1])

    assert talk.ask() == ["s1"]


def test_an_edit_invalidates_the_thinking_after_it_only() -> None:
    talk = Talk()
    for _ in range(3):
        talk.ask()
    talk.edit(2, lambda message: user(Text("Another question")))

    assert [talk.ask(), talk.ask()] == [["s1"], ["s1", "s4"]]


def test_removing_thinking_between_others_keeps_what_follows_it_and_not_what_precedes_it() -> None:
    talk = Talk()
    for _ in range(3):
        talk.ask()
    talk.edit(3, without_thinking)

    assert [talk.ask(), talk.ask()] == [["s3"], ["s3", "s4"]]


def test_a_model_gets_its_own_thinking_only() -> None:
    talk = Talk()
    talk.ask()
    talk.dialect = SONNET
    assert [talk.ask(), talk.ask()] == [[], ["s2"]]
    talk.dialect = OPUS

    assert [talk.ask(), talk.ask()] == [["s1"], ["s1", "s4"]]


def test_thinking_after_a_history_that_the_provider_compacted_stays_valid() -> None:
    talk = Talk(dialect=edits(OPUS))
    talk.ask()
    talk.ask()
    request = Request(1, tuple(talk.messages[:2]), Settings(system="Be brief.", tools=TOOLS[:2]), WireMemo())
    body(request, talk.dialect, True)
    origin = Origin(source="opus", prefix=request.memo.prefix)
    block = Opaque(provider="anthropic", type="compaction", json=b'{"type":"compaction","content":"They met."}')

    talk.messages[:2] = [msgspec.structs.replace(assistant(block), origin=origin)]
    later = Request(2, (*talk.messages, user(Text("And now?"))), request.settings, WireMemo())

    assert signatures(msgspec.json.decode(body(later, talk.dialect, True))) == ["s2"]


def test_an_answer_of_unknown_origin_counts_as_valid() -> None:
    signed = assistant(Thinking(text="Hm.", provider="anthropic", signature="s"), Text("Caw."))
    request = Request(1, (user(Text("Hi.")), signed, user(Text("Why?"))), Settings())

    assert signatures(msgspec.json.decode(body(request, OPUS, True))) == ["s"]
    assert request.memo.previous


def test_models_that_don_t_bind_thinking_leave_no_fingerprints() -> None:
    memo = WireMemo()
    body(Request(1, (user(Text("Hi.")),), Settings(), memo), OPUS, True)
    assert memo.prefix

    body(Request(1, (user(Text("Hi.")),), Settings(), memo), Dialect("claude-opus-5"), True)

    assert (memo.prefix, memo.previous) == ("", "")


def test_only_new_messages_are_encoded_without_their_thinking() -> None:
    signed = [assistant(Thinking(text="", provider="anthropic", signature=name), Text(name)) for name in "abc"]
    memo, encoded = WireMemo(), list[Message]()

    def parts(message: Message) -> list[Any]:
        encoded.append(message)
        return OPUS.parts(message)

    for length in (1, 2, 3, 3):
        forms = memo.forms(signed[:length], OPUS, OPUS.parts)
        BoundThinking.of(memo, "anthropic").valid_forms(memo, signed[:length], forms, Context("prompt", parts))

    assert encoded == list(map(without_thinking, signed))


def without_thinking(message: Message) -> Message:
    kept = tuple(block for block in message.content if not isinstance(block, Thinking))
    return msgspec.structs.replace(message, content=kept)


def _change_prompt(data: st.DataObject, talk: Talk) -> None:
    fly = data.draw(st.sampled_from([TOOLS[0], FAST]))
    tools = data.draw(st.permutations([fly, *TOOLS[1:]]))[: data.draw(st.integers(0, 3))]
    talk.change_prompt(data.draw(st.sampled_from(SYSTEMS)), tuple(tools))


def _forget_a_change(data: st.DataObject, talk: Talk) -> None:
    if len(talk.prompts) > 2:
        del talk.prompts[data.draw(st.integers(1, len(talk.prompts) - 2))]


def _fail(data: st.DataObject, talk: Talk) -> None:
    del data
    talk.ask(fails=True)


def _edit_a_question(data: st.DataObject, talk: Talk) -> None:
    questions = [
        index
        for index, message in enumerate(talk.messages)
        if message.role is Role.USER and isinstance(message.content[0], Text)
    ]
    if questions:
        talk.edit(data.draw(st.sampled_from(questions)), lambda _: user(Text("Edited.")))


def _drop_thinking(data: st.DataObject, talk: Talk) -> None:
    if talk.messages:
        index = data.draw(st.integers(0, len(talk.messages) - 1))
        talk.edit(index, without_thinking)


def _drop_the_first_thinking(data: st.DataObject, talk: Talk) -> None:
    for index in range(data.draw(st.integers(0, len(talk.messages)))):
        talk.edit(index, without_thinking)


def _compact(data: st.DataObject, talk: Talk) -> None:
    answers = [index for index, message in enumerate(talk.messages) if message.role is Role.ASSISTANT]
    starts = [index + 1 for index in answers if not isinstance(talk.messages[index].content[-1], ToolUse)]
    if starts:
        talk.forget(data.draw(st.sampled_from(starts)))


def _switch_model(data: st.DataObject, talk: Talk) -> None:
    talk.dialect = data.draw(st.sampled_from([OPUS, SONNET, edits(OPUS)]))


CHANGES = [
    _change_prompt,
    _change_prompt,
    _forget_a_change,
    _fail,
    _edit_a_question,
    _drop_thinking,
    _drop_the_first_thinking,
    _compact,
    _switch_model,
]


@given(data=st.data())
def test_of_random_histories_exactly_the_valid_thinking_is_sent(data: st.DataObject) -> None:
    talk = Talk(dialect=data.draw(st.sampled_from([OPUS, edits(OPUS)])))
    for _ in range(data.draw(st.integers(1, 8))):
        for change in data.draw(st.lists(st.sampled_from(CHANGES), max_size=2)):
            change(data, talk)
        talk.ask()
