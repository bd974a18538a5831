"""Hypothesis strategies for conversations: configs, messages, answers, and failures."""

from functools import cache
from typing import Any

import msgspec
from builders.conversation import TOOL_USE, received, tool_result
from checkers.conversation.temporary_content import TEMPORARY
from hypothesis import strategies as st

from rayconteur.compaction.config import Layered
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.openai.config import OpenAI
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
from rayconteur.providers.schema.messages import Message, Origin, Role
from rayconteur.providers.schema.request import Reasoning
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Approval, Tool, ToolStart
from rayconteur.providers.schema.usage import Cost, Count, Provenance, Usage, estimated, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import (
    DeferTools,
    Limits,
    OnCrash,
    OnInterrupt,
    OnMaxSteps,
    OnRefusal,
    RetryPolicy,
    WhenBusy,
)
from rayconteur.runtime.api.tools.approval_policy import ApprovalPolicy
from rayconteur.runtime.api.tools.builtins import ASK_USER, READ_MESSAGES
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.phases import Phase, Requesting, batch_of
from rayconteur.runtime.core.tools.batch import ToolBatch

NARROW = ModelFacts(context_limit_tokens=100)
SEARCHING = Anthropic(model="claude", facts=ModelFacts(searches_tools=True))
PROVIDERS: list[ProviderConfig] = [
    *(Scripted(), Scripted(facts=NARROW)),
    *(Anthropic(model="claude"), SEARCHING, OpenAI(model="gpt")),
]
RESPONSES_SIGNATURE = '{"id":"rs_1","encrypted_content":"s"}'  # a reasoning item of the Responses API
LOOK_BY_APPROVAL = [Tool(name="look", input_schema={"type": "object"}, approve=each) for each in Approval]
LOOK_BY_APPROVAL.append(Tool(name="look", input_schema={"type": "object"}, ends_turn=True))
LOOK_BY_APPROVAL.extend(Tool(name="look", input_schema={"type": "object"}, start=each) for each in ToolStart)
LOOK = Tool(name="look", description="Look.", input_schema={"type": "object"})
BUILT_IN = (LOOK, ASK_USER, READ_MESSAGES)
MANY = (*BUILT_IN, *(Tool(name=f"{first}{second}") for first in "xyz" for second in "abcdefghijk"))
"""So many that they are deferred."""
TOOLS = [(), (LOOK,), *((tool,) for tool in LOOK_BY_APPROVAL), BUILT_IN, MANY]
CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
IMAGE = Image(url="https://example.org/raven.png")
PDF = Document(data=b"%PDF", media_type="application/pdf")
SERVER_TOOL_BLOCKS = {
    "anthropic": ("server_tool_use", b'{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}'),
    "openai": ("web_search_call", b'{"type":"web_search_call","id":"ws_1","status":"completed"}'),
    "scripted": ("search", b"{}"),
}
"""For each provider, the type and JSON of a block for a tool that the provider ran itself."""

POLICY = ApprovalPolicy(b"pickled")
LIMITS = [
    Limits(waiting_messages=3, waiting_bytes=100, message_bytes=80, kept_result_bytes=most) for most in (1_000, 8, 0)
]


configs = st.builds(
    SessionConfig,
    provider=st.sampled_from(PROVIDERS),
    tools=st.sampled_from([(), BUILT_IN, MANY]),
    defer_tools=st.sampled_from([*DeferTools, DeferTools.AUTO]),
    when_busy=st.sampled_from(WhenBusy),
    on_interrupt=st.sampled_from(OnInterrupt),
    on_refusal=st.sampled_from(OnRefusal),
    on_crash=st.sampled_from(OnCrash),
    retry=st.builds(RetryPolicy, max_attempts=st.integers(1, 4), after_output=st.booleans()),
    limits=st.sampled_from(LIMITS),
    compaction=st.sampled_from([None, Layered(), Layered(threshold=0.1)]),
    compact_eagerly=st.booleans(),
    discard_refused=st.booleans(),
    auto_continue=st.sampled_from([0, 0, 1]),
    max_steps=st.sampled_from([25, 25, 1, 2]),
    approve=st.sampled_from([Approval.NEVER, *Approval, POLICY]),
    approval_timeout_s=st.sampled_from([None, 60.0]),
    results_timeout_s=st.sampled_from([None, 60.0]),
    on_max_steps=st.sampled_from(OnMaxSteps),
    start_tools=st.sampled_from([ToolStart.STREAMING, *ToolStart]),
)
early_configs = configs.map(
    lambda config: msgspec.structs.replace(
        config, tools=config.tools or BUILT_IN, start_tools=ToolStart.STREAMING, approve=Approval.NEVER
    )
)
"""Those whose tools start while an answer is streamed."""

texts = st.sampled_from(["", " ", "\n", "hi", "a raven", " spaced "]).map(Text)
tool_use_ids = st.sampled_from(["", "a", "b", "c", "call_0", "look:0"])
tool_uses = st.builds(ToolUse, id=tool_use_ids, name=st.just("look"), input=st.just({"at": 1}))
reads = st.builds(
    ToolUse,
    id=tool_use_ids,
    name=st.just("read_result"),
    input=st.sampled_from([{"id": "a"}, {"id": "call_0", "offset": 3}, {"id": "b", "search": "n"}, {"offset": -1}]),
) | st.builds(
    ToolUse,
    id=tool_use_ids,
    name=st.just("read_messages"),
    input=st.sampled_from([{}, {"turn": 1}, {"turn": 2, "offset": 3}, {"search": "n"}, {"turn": 0}]),
)
searches = st.builds(
    ToolUse,
    id=tool_use_ids,
    name=st.just("search_tools"),
    input=st.sampled_from([{"query": "xc"}, {"query": "zk"}, {"query": "look"}, {"query": "swim"}, {}]),
)
questions = st.builds(
    ToolUse, id=tool_use_ids, name=st.just("ask_user"), input=st.sampled_from([{"question": "Which?"}, {"question": 7}])
)
malformed_tool_uses = st.builds(
    ToolUse, id=tool_use_ids, name=st.just("look"), input=st.just({"INVALID_JSON": "{"}), malformed=st.just("{")
)
counts = st.sampled_from([Count(), reported(0), reported(7), estimated(3)])
costs = st.sampled_from([Cost(), *(Cost(usd=0.25, provenance=of) for of in Provenance)])
usages = st.just(Usage()) | st.builds(
    Usage, input=counts, output=counts, cache_read=counts, cache_write=counts, reasoning=counts, cost=costs
)
config_changes = st.builds(
    msg.Configure,
    provider=st.sampled_from([msgspec.UNSET, *PROVIDERS]),
    model=st.sampled_from([msgspec.UNSET, msgspec.UNSET, "other"]),
    system=st.sampled_from([msgspec.UNSET, None, "be brief", (Text("be", cache=True), Text("brief"))]),
    tools=st.sampled_from([msgspec.UNSET, msgspec.UNSET, *TOOLS]),
    thinking=st.sampled_from([msgspec.UNSET, None, Reasoning(budget_tokens=1024)]),
    on_interrupt=st.sampled_from([msgspec.UNSET, *OnInterrupt]),
    when_busy=st.sampled_from([msgspec.UNSET, *WhenBusy]),
    start_tools=st.sampled_from([msgspec.UNSET, *ToolStart]),
    approve=st.sampled_from([msgspec.UNSET, msgspec.UNSET, *Approval, POLICY]),
    retry=st.sampled_from([msgspec.UNSET, RetryPolicy(max_attempts=1)]),
    next=st.sampled_from(["request", "turn"]),
)

turn_settings = st.none() | st.builds(
    TurnSettings,
    provider=st.sampled_from([msgspec.UNSET, *PROVIDERS]),
    model=st.sampled_from([msgspec.UNSET, msgspec.UNSET, "another"]),
    system=st.sampled_from([msgspec.UNSET, None, "be brief", "sing", (Text("be brief"),)]),
    tools=st.sampled_from([msgspec.UNSET, *TOOLS]),
    max_output_tokens=st.sampled_from([msgspec.UNSET, None, 2_000]),
    thinking=st.sampled_from([msgspec.UNSET, None, Reasoning(budget_tokens=1024)]),
    output_schema=st.sampled_from([msgspec.UNSET, None, CLOSED]),
)

unrelated_results = st.lists(tool_use_ids.map(tool_result), max_size=3).map(tuple)
other_messages: st.SearchStrategy[msg.ToLLM] = st.one_of(
    st.sampled_from(
        [
            *(msg.Retry(), msg.Continue(), msg.Continue(), msg.Compact(), msg.Rewind(), msg.Rewind(turns=3)),
            *(msg.Clear(), msg.Clear(counters=True), msg.Clear(history=False, counters=True)),
        ]
    ),
    st.builds(msg.Rewind, to=st.integers(0, 4)),
    st.builds(msg.ToolResults, results=unrelated_results, last=st.booleans()),
    st.builds(msg.ToolUpdate, started=st.lists(tool_use_ids, max_size=2).map(tuple)),
    st.builds(msg.RequestApproval, tool_use_ids=st.lists(tool_use_ids, max_size=2).map(tuple)),
    st.builds(msg.Approve, tool_use_ids=st.lists(tool_use_ids, max_size=2).map(tuple)),
    st.builds(msg.Deny, tool_use_ids=st.lists(tool_use_ids, max_size=2).map(tuple)),
    st.builds(msg.AnswerQuestion, tool_use_id=tool_use_ids, text=st.sampled_from(["", "Oslo"])),
)

temporary_contents: st.SearchStrategy[tuple[UserBlock, ...]] = st.sampled_from([(), (), (), (TEMPORARY,), (Text(" "),)])

_ASKED, _LOOKED = Message.of_user("Where is it?"), Message.of_user(ToolResult("a", (Text("There."),)))
_THOUGHT = Thinking(text="hm", provider="anthropic", signature="s")
_LOOKS = Message(
    role=Role.ASSISTANT,
    content=(_THOUGHT, ToolUse("a", "look", {}), ToolUse("b", "look", {})),
    origin=Origin(source="one"),
)
_BOTH_LOOKED = Message.of_user(ToolResult("a"), ToolResult("b"))
additions: st.SearchStrategy[tuple[Message, ...]] = st.sampled_from(
    [
        (_ASKED,),
        (_ASKED, Message.of_user("Or he?")),
        (_ASKED, Message.of_assistant("In the oak.")),
        (_ASKED, Message.of_assistant(ToolUse("a", "look", {})), _LOOKED, Message.of_assistant("There.")),
        (_ASKED, _LOOKS, _BOTH_LOOKED),
        (_LOOKS, _BOTH_LOOKED, _ASKED),
        (Message.of_assistant("In the elm."),),
    ]
)
"""Messages for ``AddMessages``. An answer can't come first everywhere."""


@cache
def answer_contents(provider: str) -> st.SearchStrategy[tuple[Block, ...]]:
    """The content of answers of *provider*: text, blank text, thinking, opaque blocks, then tool uses."""
    thinking = st.builds(
        Thinking,
        text=st.sampled_from(["", "hm"]),
        provider=st.just(provider),
        signature=st.sampled_from([None, "s", RESPONSES_SIGNATURE]),
    )
    kind, search_json = SERVER_TOOL_BLOCKS[provider]
    opaque = st.just(Opaque(provider=provider, type=kind, json=search_json))
    blocks = st.lists(texts | texts | thinking | opaque, max_size=3)
    uses = st.lists(tool_uses | tool_uses | questions | reads | searches | malformed_tool_uses, max_size=3)
    return st.tuples(blocks, uses).map(lambda parts: tuple(unique_tool_ids([*parts[0], *parts[1]])))


@cache
def partial_answers(provider: str) -> st.SearchStrategy[Partial]:
    """Partial answers of *provider*, and none."""
    partial = st.builds(
        Partial,
        content=answer_contents(provider),
        text=st.sampled_from(["", "half"]),
        usage=usages,
        message_id=st.just("m"),
    )
    return st.just(ev.NOTHING) | partial


def results_for(use_ids: list[str]) -> st.SearchStrategy[tuple[ToolResult, ...]]:
    """One result for each of *use_ids*, with text or without, an error or not."""
    content = st.lists(texts | st.just(IMAGE), max_size=2).map(tuple)
    return st.tuples(
        *(
            st.builds(ToolResult, tool_use_id=st.just(use_id), content=content, is_error=st.booleans())
            for use_id in use_ids
        )
    )


def tool_messages(approved: list[str], waiting: list[str], asked: list[str]) -> st.SearchStrategy[msg.ToLLM]:
    """What programs send while tool uses are open: *approved* ones, those *waiting* for approval, and *asked* ones."""
    messages: list[st.SearchStrategy[msg.ToLLM]] = []
    if asked:
        messages.append(st.builds(msg.AnswerQuestion, tool_use_id=st.sampled_from(asked), text=st.just("Oslo")))
    if approved:
        some = st.lists(st.sampled_from(approved), min_size=1, unique=True)
        durations = st.dictionaries(st.sampled_from(approved), st.just(0.5))
        results = some.flatmap(results_for)
        cut = st.sampled_from([None, 3])
        messages.append(st.builds(msg.ToolResults, results=results, last=st.booleans(), max_result_bytes=cut))
        messages.append(some.flatmap(timed_results))
        messages.append(st.builds(msg.ToolUpdate, started=some.map(tuple), progress=st.just({})))
        messages.append(durations.map(lambda ids: msg.ToolUpdate(progress=dict.fromkeys(ids, "half done"))))
        messages.append(some.map(lambda ids: msg.RequestApproval(tool_use_ids=tuple(ids))))
    if waiting:
        some = st.just(list[str]()) | st.lists(st.sampled_from(waiting), min_size=1, unique=True)
        grants = st.sampled_from(["use", "arguments", "tool"])
        inputs = st.sampled_from([{}, {waiting[0]: {"at": 2}}])
        lifetimes_s = st.sampled_from([None, 1.0, 100.0])
        approvals = st.builds(
            msg.Approve, tool_use_ids=some.map(tuple), inputs=inputs, grant=grants, grant_s=lifetimes_s
        )
        messages.append(approvals)
        messages.append(st.builds(msg.Deny, tool_use_ids=some.map(tuple), reason=st.sampled_from(["", "no"])))
    return st.one_of(messages)


def tool_events(batch: ToolBatch) -> st.SearchStrategy[ev.Event]:
    """What happens while *batch* is open: messages, the session's function decides, or a time is over."""
    approved, waiting, asked = ([use.id for use in uses] for uses in (batch.approved, batch.waiting, batch.asked))
    events: list[st.SearchStrategy[ev.Event]] = []
    if approved or waiting or asked:
        events += [tool_messages(approved, waiting, asked).map(received)] * 8
        timers = st.sampled_from([(batch.timer, False), (batch.approval_timer, True)])
        events.append(timers.map(lambda timer: ev.ToolsTimedOut(timer=timer[0], approval=timer[1])))
    if ids := batch.undecided:
        needing = st.lists(st.sampled_from(ids), unique=True).map(tuple)
        about = st.sampled_from([ids, ids, ids, ids[1:]])
        events += [st.builds(ev.ApprovalDecided, tool_use_ids=about, needing=needing)] * 4
    return st.one_of(events)


def timed_results(use_ids: list[str]) -> st.SearchStrategy[msg.ToolResults]:
    """The results of *use_ids*, and how long their tools ran."""
    durations_s = dict.fromkeys(use_ids, 0.5)
    return results_for(use_ids).map(lambda results: msg.ToolResults(results=results, durations_s=durations_s))


def request_failures(request: int, provider: str) -> st.SearchStrategy[ev.RequestFailed]:
    """Failures of *request*: retryable or not, early or late, with or without a partial answer."""
    return st.builds(
        ev.RequestFailed,
        request=st.just(request),
        failure=st.builds(
            ev.Failure,
            code=st.sampled_from(["overloaded", "overloaded", "context_overflow", "thinking_rejected"]),
            message=st.just("wait"),
            retryable=st.sampled_from([True, True, False]),
        ),
        elapsed_s=st.sampled_from([0.0, 0.0, 0.0, 1000.0]),
        jitter=st.floats(0, 1),
        partial=partial_answers(provider),
    )


STOPS = [
    *(StopReason.END_TURN, StopReason.END_TURN, StopReason.REFUSAL),
    *(StopReason.MAX_TOKENS, StopReason.MAX_TOKENS, StopReason.PAUSED),
]
CUT_OFF: st.SearchStrategy[tuple[Block, ...]] = st.sampled_from([(Text("half"),), (Text("half"),), (TOOL_USE,), ()])


def with_early(content: tuple[Block, ...], phase: Phase) -> tuple[Block, ...]:
    """The *content* of an answer, with those tool uses before its own that have started in *phase*."""
    written = phase.early.written if isinstance(phase, Requesting) and phase.early else ()
    uses = [block for block in content if isinstance(block, ToolUse)]
    others = [block for block in content if not isinstance(block, ToolUse)]
    return tuple(unique_tool_ids([*others, *written, *uses])) if written else content


def early_events(phase: Requesting, request: object) -> st.SearchStrategy[ev.Event | None]:
    """What happens before the answer to *request* is complete: an input is, or programs tell of what they run."""
    events: list[st.SearchStrategy[ev.Event | None]] = [st.none()]
    if isinstance(request, SendRequest) and request.early_tools:
        written = phase.early.written if phase.early else ()
        uses = (tool_uses | tool_uses | tool_uses | tool_uses | questions | malformed_tool_uses).map(
            lambda use: [*unique_tool_ids([*written, use])][-1]
        )
        events += [st.builds(ev.ToolUseReady, request=st.just(phase.request), use=uses)] * 2
    batch = batch_of(phase)
    if batch.open:
        approved, waiting = ([use.id for use in uses] for uses in (batch.approved, batch.waiting))
        events.append(tool_messages(approved, waiting, []).map(received))
    return st.one_of(events)
