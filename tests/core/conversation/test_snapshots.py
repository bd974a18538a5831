"""Snapshots: stored and decoded, they restore an equal conversation in every phase."""

from typing import get_args

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    answered,
    opened_conversation,
    received,
    request_failed,
    tool_result,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.compaction.estimate.estimator import CountedMessages, Learned, new_estimator
from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.schema.usage import Usage, estimated, reported
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import InvalidRecord
from rayconteur.runtime.api.settings.policies import OnInterrupt
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.context_meter import Fill
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.mailbox import Queued
from rayconteur.runtime.core.past.snapshot import Snapshot
from rayconteur.runtime.core.phases import (
    Backoff,
    Closed,
    Compacting,
    Idle,
    Phase,
    Requesting,
    ToolsOut,
    Unopened,
)
from rayconteur.runtime.core.tools.batch import ToolBatch
from rayconteur.runtime.core.turn import Turn

CONFIGURE = received(msg.Configure(system="be brief", next="turn"))
TOO_LONG = ev.RequestFailed(request=1, failure=ev.Failure(code=ContextOverflow.code, message="too long"))

EVENTS: list[tuple[type[Phase], tuple[ev.Event, ...]]] = [
    (Idle, ()),
    (Idle, (user_message(), answered(1, "hello"))),
    (Requesting, (user_message(), user_message("next", size_bytes=7), CONFIGURE)),
    (Backoff, (user_message(), request_failed(1, retryable=True))),
    (ToolsOut, (user_message(), answered(1, TOOL_USE, tool_use("b"), tool_use("c", malformed="{")), tool_results("b"))),
    (Compacting, (user_message(), answered(1, "hello"), received(msg.Compact()))),
    (Compacting, (user_message(), TOO_LONG, received(msg.Close(drain=True)))),
    (Closed, (user_message(), received(msg.Close()))),
]
"""Events that lead to each phase."""

SUMMARY = Message(
    role=Role.USER,
    content=(Text("in short"),),
    turn=1,
    stands_for=StandsFor(first_turn=1, last_turn=1, messages=2),
    id="c1.1",
)
SNAPSHOT = Snapshot(
    record=9,
    created_at=1.5,
    config=SessionConfig(provider=OpenAI(model="gpt"), on_interrupt=OnInterrupt.KEEP),
    phase=ToolsOut(
        turn=Turn(number=2, fill_before=Fill(reported(12), 2), requests=1, attempt=0),
        batch=ToolBatch((TOOL_USE, tool_use("b")), {"b": tool_result("b")}),
    ),
    full=(
        Message(role=Role.USER, content=(Text("hi"),), turn=1),
        Message(role=Role.ASSISTANT, content=(Text("hello"),), turn=1),
        Message(role=Role.USER, content=(Text("look"),), turn=2),
        Message(role=Role.ASSISTANT, content=(TOOL_USE, tool_use("b")), turn=2),
    ),
    messages=(SUMMARY, 2, 3),
    queue=(
        Queued(message=msg.UserMessage.of("next"), turn=3, size_bytes=7),
        Queued(message=msg.Configure(model="other", next="turn"), facts=ModelFacts(context_limit_tokens=5)),
    ),
    turns=3,
    requests=2,
    compactions=1,
    usage=Usage(input=reported(5), output=estimated(2)),
    fill=Fill(reported(20), 3),
    learned=Learned(),
    floor_tokens=4,
    dropped_messages=6,
)
STORED_SNAPSHOT = (
    b'{"record":9,"created_at":1.5,"config":{"on_interrupt":"keep","provider":{"provider":"openai",'
    b'"model":"gpt"}},'
    b'"phase":{"phase":"toolsout","turn":{"number":2,"fill_before":{"count":{"tokens":12,'
    b'"provenance":"reported"},"messages":2},"requests":1},'
    b'"batch":{"uses":[{"kind":"tooluse","id":"a","name":"look","input":{"at":1}},{"kind":"tooluse","id":"b",'
    b'"name":"look","input":{"at":1}}],'
    b'"results":{"b":{"kind":"toolresult","tool_use_id":"b","content":[{"kind":"text","text":"seen"}]}}}},'
    b'"full":[{"role":"user","content":[{"kind":"text","text":"hi"}],"turn":1},'
    b'{"role":"assistant","content":[{"kind":"text","text":"hello"}],"turn":1},'
    b'{"role":"user","content":[{"kind":"text","text":"look"}],"turn":2},'
    b'{"role":"assistant","content":[{"kind":"tooluse","id":"a","name":"look","input":{"at":1}},'
    b'{"kind":"tooluse","id":"b","name":"look","input":{"at":1}}],"turn":2}],'
    b'"messages":[{"role":"user","content":[{"kind":"text","text":"in short"}],"turn":1,'
    b'"stands_for":{"first_turn":1,"last_turn":1,"messages":2},"id":"c1.1"},'
    b"2,3],"
    b'"queue":[{"message":{"kind":"usermessage","content":[{"kind":"text","text":"next"}]},"turn":3,'
    b'"size_bytes":7},{"message":{"kind":"configure","model":"other","next":"turn"},'
    b'"facts":{"context_limit_tokens":5}}],'
    b'"turns":3,"requests":2,"compactions":1,'
    b'"usage":{"input":{"tokens":5,"provenance":"reported"},"output":{"tokens":2,"provenance":"estimated"}},'
    b'"fill":{"count":{"tokens":20,"provenance":"reported"},"messages":3},'
    b'"learned":{"factors":[1.0,1.0,1.0,1.0],"fixed":0.0,"factor_variances":[0.0625,0.0625,0.0625,0.0625],'
    b'"fixed_variance":10000.0},"floor_tokens":4,"prompts":[],"source":"",'
    b'"dropped_messages":6}'
)

OLDER_SNAPSHOT = STORED_SNAPSHOT.replace(
    b'"estimated"}},',
    b'"estimated"},"cache_read":{"tokens":null,"provenance":"unavailable"},"cache_write":{"tokens":null,'
    b'"provenance":"unavailable"},'
    b'"reasoning":{"tokens":null,"provenance":"unavailable"},"cost":{"usd":null,"provenance":"unavailable"}},',
)
"""As it was stored first, with the figures that are not known."""

EACH_PHASE = pytest.mark.parametrize(("phase", "events"), EVENTS, ids=lambda value: getattr(value, "__name__", ""))


def conversation_after(events: tuple[ev.Event, ...]) -> Conversation:
    conversation = opened_conversation(DISCARD)
    for event in events:
        conversation.handle(event)
    return conversation


@EACH_PHASE
def test_a_snapshot_encoded_as_json_restores_the_conversation(phase: type[Phase], events: tuple[ev.Event, ...]) -> None:
    conversation = conversation_after(events)
    assert type(conversation.phase) is phase

    stored = msgspec.json.encode(conversation.snapshot())

    assert Conversation.restore(msgspec.json.decode(stored, type=Snapshot)) == conversation


@EACH_PHASE
def test_a_snapshot_encoded_as_message_pack_restores_the_conversation(
    phase: type[Phase], events: tuple[ev.Event, ...]
) -> None:
    conversation = conversation_after(events)
    assert type(conversation.phase) is phase

    stored = msgspec.msgpack.encode(conversation.snapshot())

    assert Conversation.restore(msgspec.msgpack.decode(stored, type=Snapshot)) == conversation


def test_every_phase_of_an_opened_conversation_is_covered() -> None:
    assert {phase for phase, _ in EVENTS} == set(get_args(Phase)) - {Unopened}


def test_a_restored_conversation_handles_the_next_event_alike() -> None:
    conversation = conversation_after((user_message(), answered(1, TOOL_USE), user_message("next")))
    restored = Conversation.restore(conversation.snapshot())

    assert restored.handle(tool_results("a")) == conversation.handle(tool_results("a"))
    assert restored.handle(answered(2, "done")) == conversation.handle(answered(2, "done"))
    assert restored == conversation


def test_a_restored_conversation_knows_what_was_counted_so_that_its_next_request_costs_what_is_new() -> None:
    conversation = conversation_after((user_message("1"), answered(1, "one"), user_message("2"), answered(2, "two")))

    stored = msgspec.msgpack.encode(conversation.snapshot())
    restored = Conversation.restore(msgspec.msgpack.decode(stored, type=Snapshot))

    sent = conversation.history[:3]
    sizes = new_estimator(conversation.config.provider.name).sizes(sent, conversation.config).messages
    assert conversation.snapshot().counted == restored.snapshot().counted == CountedMessages(len(sent), sizes)


def test_nothing_is_known_of_the_count_of_a_history_from_which_messages_were_removed() -> None:
    conversation = conversation_after((user_message("1"), answered(1, "one"), user_message("2"), answered(2, "two")))

    conversation.handle(received(msg.Rewind(to=1)))

    assert conversation.snapshot().counted is msgspec.UNSET
    assert Conversation.restore(conversation.snapshot()) == conversation


def test_a_restored_conversation_is_independent_of_the_original() -> None:
    conversation = conversation_after((user_message(),))
    restored = Conversation.restore(conversation.snapshot())

    conversation.handle(answered(1, "hello"))

    assert restored == conversation_after((user_message(),))


def test_a_snapshot_has_each_message_of_the_full_history_once() -> None:
    conversation = conversation_after((user_message("1"), answered(1, "one"), user_message("2"), answered(2, "two")))
    conversation.handle(received(msg.Compact()))
    history = conversation.history
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(SUMMARY, *history[2:])))

    snapshot = conversation.snapshot()

    assert snapshot.full == history
    assert snapshot.messages == (SUMMARY, 2, 3)
    assert Conversation.restore(snapshot) == conversation


def test_a_snapshot_after_a_replay_is_as_small_as_before() -> None:
    conversation = Conversation()
    events: list[ev.Event] = [
        ev.Opened(config=DISCARD, created_at=0.0),
        user_message("one"),
        answered(1, "1"),
        user_message("two"),
        answered(2, "2"),
        received(msg.Compact()),
    ]
    records = [step for event in events for step in conversation.handle(event) if isinstance(step, ev.Record)]
    summary = Message(role=Role.USER, content=(Text("in short"),), turn=1, id="c1.1")
    compacted = ev.CompactionEnded(compaction=1, messages=(summary, *conversation.history[2:]))
    records += [step for step in conversation.handle(compacted) if isinstance(step, ev.Record)]

    replayed = Conversation.replay(msgspec.msgpack.decode(msgspec.msgpack.encode(records), type=list[ev.Record]))

    assert replayed.snapshot() == conversation.snapshot()
    assert replayed.snapshot().messages == (summary, 2, 3)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_snapshot_with_an_index_that_is_out_of_range_is_rejected(index: int) -> None:
    snapshot = conversation_after((user_message(), answered(1, "hello"))).snapshot()

    with pytest.raises(InvalidRecord, match="full history of 2"):
        Conversation.restore(msgspec.structs.replace(snapshot, messages=(index,)))


def test_a_stored_snapshot_decodes_and_encodes_unchanged() -> None:
    assert msgspec.json.decode(STORED_SNAPSHOT, type=Snapshot) == SNAPSHOT
    assert msgspec.json.encode(SNAPSHOT) == STORED_SNAPSHOT


def test_a_snapshot_as_it_was_stored_first_decodes_to_the_same() -> None:
    assert OLDER_SNAPSHOT != STORED_SNAPSHOT
    assert msgspec.json.decode(OLDER_SNAPSHOT, type=Snapshot) == SNAPSHOT
