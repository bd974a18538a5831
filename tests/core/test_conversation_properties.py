"""Any interleaving of what can happen to a conversation keeps its promises. The auditor checks each step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import msgspec
import pytest
from builders.conversation import USE, answered, copy_of, failed, result
from checkers.model_checker import Auditor
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
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import Limits, OnInterrupt, RetryPolicy, SessionConfig, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do

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
class Late:
    """What comes of a request or a compaction, and the states in which it is awaited."""

    event: Callable[[int], ev.Event]
    awaited_in: tuple[State, ...]
    of_compaction: bool = False


UNDER_WAY = (State.REQUESTING, State.STREAMING)
LATE = [
    Late(lambda number: ev.AnswerBegan(request=number), UNDER_WAY),
    Late(lambda number: answered(number, "late", USE), UNDER_WAY),
    Late(lambda number: failed(number, retryable=True), UNDER_WAY),
    Late(lambda number: ev.BackoffEnded(request=number), (State.RETRYING,)),
    Late(lambda number: ev.CompactionEnded(compaction=number, messages=()), (State.COMPACTING,), of_compaction=True),
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
    say.Configure,
    provider=st.sampled_from([msgspec.UNSET, *PROVIDERS]),
    model=st.sampled_from([msgspec.UNSET, msgspec.UNSET, "other", ""]),
    system=st.sampled_from([msgspec.UNSET, None, "be brief"]),
    thinking=st.sampled_from([msgspec.UNSET, None, Reasoning(budget_tokens=1024)]),
    next=st.sampled_from(["request", "turn"]),
)

returns = st.lists(ids.map(result), max_size=3).map(tuple)
wishes: st.SearchStrategy[ev.Wish] = st.one_of(
    st.sampled_from([ev.RetryAsked(), ev.ClearAsked(), ev.CompactAsked()]),
    st.builds(ev.ToolsReturned, results=returns, last=st.booleans()),
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
    auditor: Auditor

    @initialize(config=configs)
    def begin(self, config: SessionConfig) -> None:
        self.auditor = Auditor(config)
        self.memo = {"anthropic": WireMemo(), "chat": WireMemo(), "responses": WireMemo()}

    def hand(self, event: ev.Event) -> None:
        for step in self.auditor.hand(event):
            if isinstance(step, do.Send):
                self.check_wire(step)

    def check_wire(self, send: do.Send) -> None:
        """Whatever provider the history came from, each one takes it, and a memo changes nothing."""

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
        talk = self.auditor.talk
        assert history.violations(talk.history, tools_out=talk.state is State.TOOLS_OUT) == []

    def partial(self, data: st.DataObject) -> Partial:
        return data.draw(partials(self.auditor.talk.config.provider.name), "partial")

    # What drivers ask for

    @rule(
        data=st.data(),
        content=st.lists(texts | st.sampled_from([IMAGE, PDF]), max_size=2).map(tuple),
        when_busy=st.none() | st.sampled_from(WhenBusy),
        size_bytes=st.sampled_from([0, 10, 60, 200]),
    )
    def message_comes(
        self, data: st.DataObject, content: tuple[UserBlock, ...], when_busy: WhenBusy | None, size_bytes: int
    ) -> None:
        asked = ev.Asked(content=content, when_busy=when_busy, size_bytes=size_bytes, partial=self.partial(data))
        self.hand(asked)

    @rule(data=st.data(), back=st.none() | st.integers(-1, 4))
    def interrupt_comes(self, data: st.DataObject, back: int | None) -> None:
        turn = None if back is None else self.auditor.talk.turns - back
        self.hand(ev.InterruptAsked(turn=turn, partial=self.partial(data)))

    @rule(wish=wishes)
    def wish_comes(self, wish: ev.Wish) -> None:
        self.hand(wish)

    @rule(change=changes)
    def settings_come(self, change: say.Configure) -> None:
        self.hand(ev.ConfigureAsked(change=change))

    @rule(data=st.data(), drain=st.booleans())
    def close_comes(self, data: st.DataObject, drain: bool) -> None:
        self.hand(ev.CloseAsked(drain=drain, partial=self.partial(data)))

    # What comes of what it wants done

    @rule(data=st.data(), steps=st.integers(1, 5))
    def it_goes_on(self, data: st.DataObject, steps: int) -> None:
        if self.auditor.closed:
            self.auditor.restart()
            self.begin(self.auditor.config)
        for _ in range(steps):
            self.hand(self.next_event(data))

    def next_event(self, data: st.DataObject) -> ev.Event:
        talk = self.auditor.talk
        number, provider = talk.requests, talk.config.provider.name
        match talk.state:
            case State.REQUESTING if data.draw(st.booleans()):
                return ev.AnswerBegan(request=number)
            case State.REQUESTING | State.STREAMING if data.draw(st.integers(0, 3)):
                return answered(number, *data.draw(contents(provider)), usage=data.draw(usages))
            case State.REQUESTING | State.STREAMING:
                return data.draw(failures(number, provider))
            case State.RETRYING:
                return ev.BackoffEnded(request=number)
            case State.TOOLS_OUT:
                order = data.draw(st.permutations([use.id for use in talk.open_tool_uses]))
                some = order[: data.draw(st.integers(1, len(order)))]
                return ev.ToolsReturned(results=data.draw(results(some)), last=data.draw(st.booleans()))
            case State.COMPACTING:
                ways: list[tuple[Message, ...] | None] = [None]
                ways += [tuple(talk.history[at:]) for at, one in enumerate(talk.history) if begins_a_turn(one)]
                if talk.turn is None:  # else what runs goes on from what is left
                    ways.append(())
                messages = data.draw(st.sampled_from(ways))
                return ev.CompactionEnded(compaction=talk.compactor.number, messages=messages)
            case State.IDLE if talk.history and talk.history[-1].role is Role.USER and data.draw(st.booleans()):
                return ev.RetryAsked()
            case _:
                return ev.Asked(content=(Text("go on"),))

    @rule(back=st.integers(0, 3))
    def all_comes_late(self, back: int) -> None:
        talk = self.auditor.talk
        before = copy_of(talk)
        for late in LATE:
            latest = talk.compactor.number if late.of_compaction else talk.requests
            if back or talk.state not in late.awaited_in:
                assert not self.auditor.hand(late.event(latest - back))
        assert talk == before

    # What comes of everything

    @rule()
    def its_process_dies(self) -> None:
        self.auditor.restart()

    def teardown(self) -> None:
        if hasattr(self, "auditor"):
            self.auditor.restart()


TestInterleavings = pytest.mark.timeout(400)(Interleavings.TestCase)  # shrinking a failure may take five minutes
TestInterleavings.settings = settings(
    derandomize=True,
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
