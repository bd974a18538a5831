"""Thinking of Claude on Bedrock goes back as long as nothing before it has changed, along random edits."""

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from hypothesis import given
from hypothesis import strategies as st
from validators.anthropic_prefix import PrefixCheck
from validators.bedrock import violations
from validators.bedrock_models import as_messages_request

from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.bedrock.requests import body
from rayconteur.providers.schema.content import Document, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Origin, Role
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool

TOOLS = tuple(Tool(name=name) for name in ("fly", "sit", "caw"))
SETTINGS = Settings(system="Be brief.", tools=TOOLS[:2])
OPUS = Dialect("global.anthropic.claude-opus-5-5", source="opus")
HAIKU = Dialect("us.anthropic.claude-haiku-5-5", source="haiku")
OLDER = Dialect("us.anthropic.claude-opus-4-8", source="older")
NOVA = Dialect("us.amazon.nova-2-lite-v1:0", source="nova")
PAGE = Document(data=b"Ravens.", media_type="text/plain", name="page")


@dataclass
class Talk:
    """A conversation whose history, settings and model change in any way between its requests."""

    dialect: Dialect = OPUS
    settings: Settings = SETTINGS
    messages: list[Message] = field(default_factory=list[Message])
    memo: WireMemo = field(default_factory=WireMemo)
    check: PrefixCheck = field(default_factory=PrefixCheck)
    answers: int = 0

    def ask(self, *media: Document, fails: bool = False) -> list[str]:
        """Ask the model. Its answer, if any, begins with thinking. Returns the signatures of the thinking sent."""
        self.messages.append(self._question(media))
        sent = self._body(self.dialect, self.memo)
        compared = as_messages_request(sent, self.dialect.model)
        assert violations(sent, self.dialect.model) == []
        if self.dialect.facts.binds_thinking:
            unbound = replace(self.dialect, given=ModelFacts(binds_thinking=False))
            complete = as_messages_request(self._body(unbound, WireMemo()), self.dialect.model)
            assert self.check.violations(compared) == []
            assert self.check.needlessly_omitted(compared, complete) == []
        assert self._body(self.dialect, WireMemo()) == sent
        if not fails:
            self._answer(compared)
        return signatures(sent)

    def change(self, **settings: Any) -> None:
        self.settings = msgspec.structs.replace(self.settings, **settings)

    def forget(self, first: int) -> None:
        """Compact: a summary replaces the *first* messages."""
        self.messages = [user(Text("Summary.")), *self.messages[first:]]

    def _question(self, media: tuple[Document, ...]) -> Message:
        last = self.messages[-1] if self.messages else None
        open_use = next((block.id for block in last.content if isinstance(block, ToolUse)), None) if last else None
        if open_use:
            return user(ToolResult(tool_use_id=open_use, structured={"done": True}))
        return user(Text(f"Question {len(self.messages)}"), *media)

    def _body(self, dialect: Dialect, memo: WireMemo) -> dict[str, Any]:
        request = Request(1, tuple(self.messages), self.settings, memo)
        return msgspec.json.decode(body(request, dialect, True), type=dict[str, Any])

    def _answer(self, compared: dict[str, Any]) -> None:
        self.answers += 1
        signature = f"s{self.answers}"
        self.check.answered(compared, signature)
        origin = Origin(source=self.dialect.source, prefix=self.memo.prefix, previous=self.memo.previous)
        said = Text("Caw.") if self.answers % 3 else ToolUse(id=f"t{self.answers}", name="fly", input={})
        answer = assistant(Thinking(text="", provider="bedrock", signature=signature), said)
        self.messages.append(msgspec.structs.replace(answer, origin=origin))


def signatures(sent: dict[str, Any]) -> list[str]:
    return [
        block["reasoningContent"]["reasoningText"]["signature"]
        for message in sent["messages"]
        for block in message["content"]
        if "reasoningContent" in block
    ]


def without_thinking(message: Message) -> Message:
    kept = tuple(block for block in message.content if not isinstance(block, Thinking))
    return msgspec.structs.replace(message, content=kept)


def test_thinking_goes_back_as_long_as_nothing_before_it_changes() -> None:
    talk = Talk()

    assert [talk.ask(PAGE) for _ in range(4)] == [[], ["s1"], ["s1", "s2"], ["s1", "s2", "s3"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"temperature": None, "max_output_tokens": 500},
        {"thinking": Reasoning(effort="low")},
        {"tools": TOOLS[1::-1]},
        {"prompt_caching": False},
        {"metadata": {"team": "birds"}},
        {"output_schema": {"type": "object"}},
    ],
)
def test_what_is_no_part_of_the_prompt_may_change(changed: dict[str, Any]) -> None:
    talk = Talk()
    talk.ask()
    talk.change(**changed)

    assert talk.ask() == ["s1"]


@pytest.mark.parametrize("changed", [{"system": "Be a raven."}, {"tools": TOOLS}, {"tools": ()}, {"system": None}])
def test_thinking_before_a_change_of_the_prompt_is_left_out_for_good(changed: dict[str, Any]) -> None:
    talk = Talk()
    talk.ask()
    talk.change(**changed)

    assert [talk.ask(), talk.ask()] == [[], ["s2"]]


def test_tools_that_are_declared_because_the_history_uses_them_are_part_of_the_prompt() -> None:
    talk = Talk()
    for _ in range(3):
        talk.ask()
    talk.change(tools=())
    assert [talk.ask(), talk.ask()] == [[], ["s4"]]

    talk.forget(8)  # with the uses go the declarations, which what follows was made under
    assert talk.ask() == []


def test_a_model_gets_its_own_thinking_only() -> None:
    talk = Talk()
    talk.ask()
    talk.dialect = HAIKU
    assert [talk.ask(), talk.ask()] == [[], ["s2"]]
    talk.dialect = OPUS

    assert [talk.ask(), talk.ask()] == [["s1"], ["s1", "s4"]]


def test_thinking_that_nothing_follows_is_not_sent() -> None:
    cut = assistant(Text("Caw."), Thinking(text="Hm.", provider="bedrock", signature="s"))
    request = Request(1, (user(Text("Hi.")), cut, user(Text("Why?"), turn=2)), SETTINGS)

    assert signatures(msgspec.json.decode(body(request, OPUS))) == []


def test_models_that_don_t_bind_thinking_leave_no_fingerprints() -> None:
    memo = WireMemo()
    body(Request(1, (user(Text("Hi.")),), SETTINGS, memo), OPUS)
    assert memo.prefix

    body(Request(1, (user(Text("Hi.")),), SETTINGS, memo), OLDER)

    assert (memo.prefix, memo.previous) == ("", "")


def _change_prompt(data: st.DataObject, talk: Talk) -> None:
    tools = data.draw(st.permutations(TOOLS))[: data.draw(st.integers(0, 3))]
    talk.change(system=data.draw(st.sampled_from([None, "Be brief.", "Be a raven."])), tools=tuple(tools))


def _change_settings(data: st.DataObject, talk: Talk) -> None:
    talk.change(thinking=data.draw(st.sampled_from([None, Reasoning(effort="low")])))
    talk.change(prompt_caching=data.draw(st.booleans()))


def _fail(data: st.DataObject, talk: Talk) -> None:
    del data
    talk.ask(fails=True)


def _add_a_document(data: st.DataObject, talk: Talk) -> None:
    del data
    talk.ask(PAGE)


def _edit_a_question(data: st.DataObject, talk: Talk) -> None:
    texts = [
        index
        for index, message in enumerate(talk.messages)
        if message.role is Role.USER and isinstance(message.content[0], Text)
    ]
    if texts:
        talk.messages[data.draw(st.sampled_from(texts))] = user(Text("Edited."))


def _drop_thinking(data: st.DataObject, talk: Talk) -> None:
    if talk.messages:
        index = data.draw(st.integers(0, len(talk.messages) - 1))
        talk.messages[index] = without_thinking(talk.messages[index])


def _add_a_foreign_answer(data: st.DataObject, talk: Talk) -> None:
    del data
    if talk.messages and talk.messages[-1].role is Role.USER and isinstance(talk.messages[-1].content[0], Text):
        foreign = Thinking(text="Hm.", provider="anthropic", signature="f")
        opaque = Opaque(provider="google", type="grounding", json=b"{}")
        talk.messages.append(assistant(foreign, opaque, Text("So.")))


def _compact(data: st.DataObject, talk: Talk) -> None:
    answers = [index for index, message in enumerate(talk.messages) if message.role is Role.ASSISTANT]
    starts = [index + 1 for index in answers if not isinstance(talk.messages[index].content[-1], ToolUse)]
    if starts:
        talk.forget(data.draw(st.sampled_from(starts)))


def _switch_model(data: st.DataObject, talk: Talk) -> None:
    talk.dialect = data.draw(st.sampled_from([OPUS, HAIKU, OLDER, NOVA]))


CHANGES = [
    _change_prompt,
    _change_prompt,
    _change_settings,
    _fail,
    _add_a_document,
    _edit_a_question,
    _drop_thinking,
    _add_a_foreign_answer,
    _compact,
    _switch_model,
]


@given(data=st.data())
def test_of_random_histories_exactly_the_valid_thinking_is_sent(data: st.DataObject) -> None:
    talk = Talk(dialect=data.draw(st.sampled_from([OPUS, HAIKU])))
    for _ in range(data.draw(st.integers(1, 8))):
        for change in data.draw(st.lists(st.sampled_from(CHANGES), max_size=2)):
            change(data, talk)
        talk.ask()
