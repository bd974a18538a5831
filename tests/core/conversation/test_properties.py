"""Any interleaving of events keeps the guarantees of a conversation. The model checker checks each step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import msgspec
import pytest
from builders.conversation import TOOL_USE, answered, copy_of, received, request_failed, tool_result
from checkers.model_checker import ModelChecker
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from validators import anthropic, chat, history, responses

from rayconteur.compaction.config import Layered
from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.content import (
    Block,
    Document,
    Image,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    UserBlock,
)
from rayconteur.providers.schema.draft import Partial, unique_tool_ids
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Reasoning, Request, WireMemo
from rayconteur.providers.schema.usage import Cost, Count, Provenance, Usage, estimated, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import Limits, OnInterrupt, RetryPolicy, SessionConfig, WhenBusy
from rayconteur.runtime.api.errors import InvalidRecord
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.phases import Backoff, Compacting, Idle, Requesting, ToolsOut

NARROW = ModelFacts(context_limit_tokens=100)
PROVIDERS: list[ProviderConfig] = [Scripted(), Scripted(facts=NARROW), Anthropic(model="claude"), OpenAI(model="gpt")]
CHAT = Dialect("openai", "gpt")
SEALED = '{"id":"rs_1","encrypted_content":"s"}'  # as the Responses API has it
RESPONSES = Dialect("openai", "gpt", api="responses")
IMAGE = Image(url="https://example.org/raven.png")
PDF = Document(data=b"%PDF", media_type="application/pdf")
SEARCHES = {
    "anthropic": ("server_tool_use", b'{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}'),
    "openai": ("web_search_call", b'{"type":"web_search_call","id":"ws_1","status":"completed"}'),
    "scripted": ("search", b"{}"),
}
"""A tool that the provider ran itself, as it says so."""


@dataclass(frozen=True)
class Stale:
    """An outcome, by the number of its request or compaction, and the state in which it is awaited."""

    event: Callable[[int], ev.Event]
    awaited_in: State
    of_compaction: bool = False


STALE = [
    Stale(lambda number: answered(number, "late", TOOL_USE), State.REQUESTING),
    Stale(lambda number: request_failed(number, retryable=True), State.REQUESTING),
    Stale(lambda number: ev.BackoffEnded(request=number), State.RETRYING),
    Stale(lambda number: ev.CompactionEnded(compaction=number, messages=()), State.COMPACTING, of_compaction=True),
]

CLAUDE = anthropic_requests.Dialect("claude")

configs = st.builds(
    SessionConfig,
    provider=st.sampled_from(PROVIDERS),
    when_busy=st.sampled_from(WhenBusy),
    on_interrupt=st.sampled_from(OnInterrupt),
    retry=st.builds(RetryPolicy, max_attempts=st.integers(1, 4), after_output=st.booleans()),
    limits=st.just(Limits(waiting_messages=3, waiting_bytes=100, message_bytes=80)),
    compaction=st.sampled_from([None, Layered(), Layered(threshold=0.1)]),
    compact_eagerly=st.booleans(),
)
texts = st.sampled_from(["", " ", "\n", "hi", "a raven", " spaced "]).map(Text)
ids = st.sampled_from(["", "a", "b", "c", "call_0", "look:0"])
uses = st.builds(ToolUse, id=ids, name=st.just("look"), input=st.just({"at": 1}))
broken = st.builds(ToolUse, id=ids, name=st.just("look"), input=st.just({"INVALID_JSON": "{"}), malformed=st.just("{"))
counts = st.sampled_from([Count(), reported(0), reported(7), estimated(3)])
costs = st.sampled_from([Cost(), *(Cost(usd=0.25, provenance=of) for of in Provenance)])
usages = st.just(Usage()) | st.builds(
    Usage, input=counts, output=counts, cache_read=counts, cache_write=counts, reasoning=counts, cost=costs
)
changes = st.builds(
    msg.Configure,
    provider=st.sampled_from([msgspec.UNSET, *PROVIDERS]),
    model=st.sampled_from([msgspec.UNSET, msgspec.UNSET, "other", ""]),
    system=st.sampled_from([msgspec.UNSET, None, "be brief"]),
    thinking=st.sampled_from([msgspec.UNSET, None, Reasoning(budget_tokens=1024)]),
    on_interrupt=st.sampled_from([msgspec.UNSET, *OnInterrupt]),
    when_busy=st.sampled_from([msgspec.UNSET, *WhenBusy]),
    retry=st.sampled_from([msgspec.UNSET, RetryPolicy(max_attempts=1)]),
    next=st.sampled_from(["request", "turn"]),
)

results_of = st.lists(ids.map(tool_result), max_size=3).map(tuple)
messages: st.SearchStrategy[msg.ToLLM] = st.one_of(
    st.sampled_from([msg.Retry(), msg.Clear(), msg.Compact()]),
    st.builds(msg.ToolResults, results=results_of, last=st.booleans()),
)


@cache
def contents(provider: str) -> st.SearchStrategy[tuple[Block, ...]]:
    """What *provider* may answer: blank text too, thinking signed or not, blocks of its own, then tool uses."""
    thinking = st.builds(
        Thinking,
        text=st.sampled_from(["", "hm"]),
        provider=st.just(provider),
        signature=st.sampled_from([None, "s", SEALED]),
    )
    kind, search = SEARCHES[provider]
    opaque = st.just(Opaque(provider=provider, type=kind, json=search))
    said = st.lists(texts | texts | thinking | opaque, max_size=3)
    asked_for = st.lists(uses | uses | broken, max_size=3)
    return st.tuples(said, asked_for).map(lambda parts: tuple(unique_tool_ids([*parts[0], *parts[1]])))


@cache
def partials(provider: str) -> st.SearchStrategy[Partial]:
    """What there may be of an answer that breaks off, or nothing."""
    some = st.builds(
        Partial, content=contents(provider), text=st.sampled_from(["", "half"]), usage=usages, message_id=st.just("m")
    )
    return st.just(ev.NOTHING) | some


def results(use_ids: list[str]) -> st.SearchStrategy[tuple[ToolResult, ...]]:
    """One result for each of *use_ids*, with text or without, an error or not."""
    content = st.lists(texts | st.just(IMAGE), max_size=2).map(tuple)
    return st.tuples(
        *(
            st.builds(ToolResult, tool_use_id=st.just(use_id), content=content, is_error=st.booleans())
            for use_id in use_ids
        )
    )


def failures(request: int, provider: str) -> st.SearchStrategy[ev.RequestFailed]:
    """How *request* may fail: for good or not, soon or late, with part of an answer or without."""
    return st.builds(
        ev.RequestFailed,
        request=st.just(request),
        failure=st.builds(
            ev.Failure,
            code=st.sampled_from(["overloaded", "overloaded", "context_overflow"]),
            message=st.just("wait"),
            retryable=st.sampled_from([True, True, False]),
        ),
        elapsed_s=st.sampled_from([0.0, 0.0, 0.0, 1000.0]),
        jitter=st.floats(0, 1),
        partial=partials(provider),
    )


def begins_a_turn(message: Message) -> bool:
    return message.role is Role.USER and not any(isinstance(block, ToolResult) for block in message.content)


class Interleavings(RuleBasedStateMachine):
    checker: ModelChecker

    @initialize(config=configs)
    def open(self, config: SessionConfig) -> None:
        self.checker = ModelChecker(config)
        self.memo = {"anthropic": WireMemo(), "chat": WireMemo(), "responses": WireMemo()}

    def handle(self, event: ev.Event) -> None:
        for step in self.checker.handle(event):
            if isinstance(step, SendRequest):
                self.check_wire(step)

    def check_wire(self, send: SendRequest) -> None:
        """Every provider accepts the request, whichever provider the history came from; a memo makes no difference."""

        def request(memo: WireMemo) -> Request:
            return Request(send.number, send.messages, send.config, memo)

        for_anthropic = anthropic_requests.body(request(self.memo["anthropic"]), CLAUDE, True)
        for_chat = chat_requests.body(request(self.memo["chat"]), CHAT, True)
        for_responses = responses_requests.body(request(self.memo["responses"]), RESPONSES, True)

        assert anthropic.violations(msgspec.json.decode(for_anthropic)) == []
        assert chat.violations(msgspec.json.decode(for_chat)) == []
        assert responses.violations(msgspec.json.decode(for_responses)) == []
        assert for_anthropic == anthropic_requests.body(request(WireMemo()), CLAUDE, True)
        assert for_chat == chat_requests.body(request(WireMemo()), CHAT, True)
        assert for_responses == responses_requests.body(request(WireMemo()), RESPONSES, True)

    @invariant()
    def the_history_is_valid(self) -> None:
        conversation = self.checker.conversation
        assert history.violations(conversation.history, tools_out=conversation.state is State.TOOLS_OUT) == []

    @invariant()
    def a_snapshot_restores_the_conversation(self) -> None:
        self.checker.check_snapshot()

    def partial(self, data: st.DataObject) -> Partial:
        return data.draw(partials(self.checker.conversation.config.provider.name), "partial")

    # Messages

    @rule(
        data=st.data(),
        content=st.lists(texts | st.sampled_from([IMAGE, PDF]), max_size=2).map(tuple),
        when_busy=st.none() | st.sampled_from(WhenBusy),
        size_bytes=st.sampled_from([0, 10, 60, 200]),
    )
    def user_message(
        self, data: st.DataObject, content: tuple[UserBlock, ...], when_busy: WhenBusy | None, size_bytes: int
    ) -> None:
        message = msg.UserMessage(content=content, when_busy=when_busy)
        self.handle(received(message, self.partial(data), size_bytes))

    @rule(data=st.data(), back=st.none() | st.integers(-1, 4))
    def interrupt(self, data: st.DataObject, back: int | None) -> None:
        turn = None if back is None else self.checker.conversation.turns - back
        self.handle(received(msg.Interrupt(turn=turn), self.partial(data)))

    @rule(message=messages)
    def other_message(self, message: msg.ToLLM) -> None:
        self.handle(received(message))

    @rule(change=changes)
    def configure(self, change: msg.Configure) -> None:
        self.handle(received(change))

    @rule(data=st.data(), drain=st.booleans())
    def close(self, data: st.DataObject, drain: bool) -> None:
        self.handle(received(msg.Close(drain=drain), self.partial(data)))

    # Outcomes

    @rule(data=st.data(), steps=st.integers(1, 5))
    def go_on(self, data: st.DataObject, steps: int) -> None:
        if self.checker.closed:
            self.checker.restart()
            self.open(self.checker.config)
        for _ in range(steps):
            self.handle(self.next_event(data))

    @rule(data=st.data())
    def task_is_cancelled(self, data: st.DataObject) -> None:
        self.handle(ev.TaskCancelled(partial=self.partial(data)))

    def next_event(self, data: st.DataObject) -> ev.Event:
        conversation = self.checker.conversation
        number, provider = conversation.requests, conversation.config.provider.name
        match conversation.phase:
            case Requesting() if data.draw(st.integers(0, 3)):
                return answered(number, *data.draw(contents(provider)), usage=data.draw(usages))
            case Requesting():
                return data.draw(failures(number, provider))
            case Backoff():
                return ev.BackoffEnded(request=number)
            case ToolsOut():
                order = data.draw(st.permutations([use.id for use in conversation.open_tool_uses]))
                some = order[: data.draw(st.integers(1, len(order)))]
                return received(msg.ToolResults(results=data.draw(results(some)), last=data.draw(st.booleans())))
            case Compacting(compaction=compaction):
                return ev.CompactionEnded(compaction=compaction, messages=data.draw(st.sampled_from(self.compacted())))
            case Idle() if self.is_unanswered() and data.draw(st.booleans()):
                return received(msg.Retry())
            case _:
                return received(msg.UserMessage(content=(Text("go on"),)))

    def compacted(self) -> list[tuple[Message, ...] | None]:
        """What a compaction may make of the history."""
        messages = self.checker.conversation.history
        ways: list[tuple[Message, ...] | None] = [None]
        ways += [messages[at:] for at, message in enumerate(messages) if begins_a_turn(message)]
        if self.checker.conversation.turn is None:  # a running turn needs its messages
            ways.append(())
        return ways

    def is_unanswered(self) -> bool:
        messages = self.checker.conversation.history
        return bool(messages) and messages[-1].role is Role.USER

    @rule(back=st.integers(0, 3))
    def outcomes_of_cancelled_work_are_ignored(self, back: int) -> None:
        conversation = self.checker.conversation
        before = copy_of(conversation)
        snapshot = conversation.snapshot()
        for stale in STALE:
            latest = snapshot.compactions if stale.of_compaction else conversation.requests
            if back or conversation.state is not stale.awaited_in:
                assert not self.checker.handle(stale.event(latest - back))
        assert conversation == before

    # The process

    @rule()
    def the_process_dies(self) -> None:
        self.checker.restart()

    @rule(data=st.data())
    def a_journal_that_lost_doubled_or_swapped_a_record_is_rejected(self, data: st.DataObject) -> None:
        records = self.checker.records
        if len(records) < 2:
            return
        at = data.draw(st.integers(0, len(records) - 2))
        dropped = [*records[:at], *records[at + 1 :]]
        doubled = [*records[: at + 1], *records[at:]]
        swapped = [*records[:at], records[at + 1], records[at], *records[at + 2 :]]
        for broken in (dropped, doubled, swapped):
            with pytest.raises(InvalidRecord):
                Conversation.replay(broken)

    @rule(data=st.data())
    def records_after_a_snapshot_complete_it(self, data: st.DataObject) -> None:
        records = self.checker.records
        at = data.draw(st.integers(1, len(records)))
        snapshot = Conversation.replay(records[:at]).snapshot()
        assert Conversation.replay(records[at:], snapshot) == self.checker.conversation

    def teardown(self) -> None:
        if hasattr(self, "checker"):
            self.checker.restart()


TestInterleavings = pytest.mark.timeout(400)(Interleavings.TestCase)  # shrinking a failure may take five minutes
TestInterleavings.settings = settings(
    derandomize=True,
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
