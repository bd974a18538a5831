"""Stored and transmitted data stay readable: a literal of each event in a record, of each message and event, and
of a snapshot."""

from typing import get_args

import msgspec
import pytest

from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.draft import Answer, Partial
from rayconteur.providers.schema.facts import ModelFacts, Prices
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Cost, Provenance, Usage, estimated, reported
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import Limits, OnInterrupt, RetryPolicy, WhenBusy
from rayconteur.runtime.core import events as ev

USAGE = Usage(input=reported(5), output=estimated(2), cost=Cost(usd=0.25, provenance=Provenance.ESTIMATED))
PARTIAL = Partial(content=(Text("half"),), text="half", usage=USAGE, message_id="m", model="claude")
ANSWER = Answer(
    message_id="m",
    model="claude",
    content=(
        Thinking(text="hm", provider="anthropic", signature="s"),
        Thinking(text="", provider="anthropic", signature="r", redacted=True),
        Opaque(provider="anthropic", type="server_tool_use", json=b"{}"),
        Text("let me look"),
        ToolUse(id="a", name="look", input={"at": [1, None, 2.5]}),
        ToolUse(id="b", name="look", input={"INVALID_JSON": "{"}, malformed="{"),
    ),
    stop_reason=StopReason.TOOL_USE,
    raw_stop_reason="tool_use",
    usage=USAGE,
)

_USAGE = (
    b'{"input":{"tokens":5,"provenance":"reported"},"output":{"tokens":2,"provenance":"estimated"},'
    b'"cost":{"usd":0.25,"provenance":"estimated"}}'
)
_OLDER_USAGE = (
    b'{"input":{"tokens":5,"provenance":"reported"},"output":{"tokens":2,"provenance":"estimated"},'
    b'"cache_read":{"tokens":null,"provenance":"unavailable"},'
    b'"cache_write":{"tokens":null,"provenance":"unavailable"},'
    b'"reasoning":{"tokens":null,"provenance":"unavailable"},"cost":{"usd":0.25,"provenance":"estimated"}}'
)
"""As it was stored first, with the figures that are not known."""
_PARTIAL = (
    b'{"content":[{"kind":"text","text":"half"}],"text":"half","usage":' + _USAGE + b',"message_id":"m",'
    b'"model":"claude"}'
)

_CONFIGURE = (
    b'{"kind":"configure","provider":{"provider":"openai","model":"gpt"},"system":null,"retry":{"max_attempts":2},'
    b'"limits":{"waiting_messages":5},"next":"turn"}'
)

EVENTS: list[tuple[bytes, ev.Event]] = [
    (
        b'{"event":"opened","config":{"system":"be brief","on_interrupt":"keep","provider":{"provider":"openai",'
        b'"model":"gpt"}},"created_at":1.5}',
        ev.Opened(
            config=SessionConfig(provider=OpenAI(model="gpt"), system="be brief", on_interrupt=OnInterrupt.KEEP),
            created_at=1.5,
        ),
    ),
    (
        b'{"event":"received","message":{"kind":"usermessage","content":[{"kind":"text","text":"hi"},'
        b'{"kind":"image","url":"http://x"},{"kind":"document","data":"AA==","media_type":"text/plain","name":"d"}],'
        b'"when_busy":"interrupt"},"size_bytes":7,"partial":' + _PARTIAL + b"}",
        ev.Received(
            message=msg.UserMessage(
                content=(
                    Text("hi"),
                    Image(url="http://x"),
                    Document(data=b"\x00", media_type="text/plain", name="d"),
                ),
                when_busy=WhenBusy.INTERRUPT,
            ),
            size_bytes=7,
            partial=PARTIAL,
        ),
    ),
    (
        b'{"event":"received","message":' + _CONFIGURE + b',"facts":{"context_limit_tokens":5,"prices":[{"input":1.5}],'
        b'"takes_images":false}}',
        ev.Received(
            message=msg.Configure(
                provider=OpenAI(model="gpt"),
                system=None,
                retry=RetryPolicy(max_attempts=2),
                limits=Limits(waiting_messages=5),
                next="turn",
            ),
            facts=ModelFacts(context_limit_tokens=5, prices=(Prices(input=1.5),), takes_images=False),
        ),
    ),
    (
        b'{"event":"received","message":{"kind":"retry"},"key":{"key":"order 7","digest":"AQI="},"seq":9}',
        ev.Received(message=msg.Retry(), key=msg.MessageKey("order 7", b"\x01\x02"), seq=9),
    ),
    (
        b'{"event":"answered","request":2,"answer":{"message_id":"m","model":"claude","content":['
        b'{"kind":"thinking","text":"hm","provider":"anthropic","signature":"s"},'
        b'{"kind":"thinking","text":"","provider":"anthropic","signature":"r","redacted":true},'
        b'{"kind":"opaque","provider":"anthropic","type":"server_tool_use","json":"e30="},'
        b'{"kind":"text","text":"let me look"},'
        b'{"kind":"tooluse","id":"a","name":"look","input":{"at":[1,null,2.5]}},'
        b'{"kind":"tooluse","id":"b","name":"look","input":{"INVALID_JSON":"{"},"malformed":"{"}],'
        b'"stop_reason":"tool_use","raw_stop_reason":"tool_use","usage":' + _USAGE + b"}}",
        ev.Answered(request=2, answer=ANSWER),
    ),
    (
        b'{"event":"requestfailed","request":2,"failure":{"code":"overloaded","message":"wait","retryable":true,'
        b'"retry_after_s":1.5},"elapsed_s":0.5,"jitter":0.25,"partial":' + _PARTIAL + b"}",
        ev.RequestFailed(
            request=2,
            failure=ev.Failure(code="overloaded", message="wait", retryable=True, retry_after_s=1.5),
            elapsed_s=0.5,
            jitter=0.25,
            partial=PARTIAL,
        ),
    ),
    (b'{"event":"backoffended","request":2}', ev.BackoffEnded(request=2)),
    (b'{"event":"toolstimedout","timer":7,"approval":true}', ev.ToolsTimedOut(timer=7, approval=True)),
    (
        b'{"event":"imported","messages":[{"role":"user","content":[{"kind":"text","text":"hi"}],"turn":1}]}',
        ev.Imported(messages=(Message(role=Role.USER, content=(Text("hi"),), turn=1),)),
    ),
    (b'{"event":"historytrimmed","limit_bytes":1000}', ev.HistoryTrimmed(limit_bytes=1_000)),
    (b'{"event":"recovered","at":2.5}', ev.Recovered(at=2.5)),
    (
        b'{"event":"compactionended","compaction":1,"messages":[{"role":"user",'
        b'"content":[{"kind":"text","text":"in short"}],"turn":1}],"problem":"none"}',
        ev.CompactionEnded(
            compaction=1,
            messages=(Message(role=Role.USER, content=(Text("in short"),), turn=1),),
            problem="none",
        ),
    ),
    (
        b'{"event":"taskcancelled","partial":' + _PARTIAL + b"}",
        ev.TaskCancelled(partial=PARTIAL),
    ),
    (
        b'{"event":"tooluseready","request":2,"use":{"kind":"tooluse","id":"a","name":"look","input":{"at":1}}}',
        ev.ToolUseReady(request=2, use=ToolUse(id="a", name="look", input={"at": 1})),
    ),
    (
        b'{"event":"approvaldecided","tool_use_ids":["a","b"],"needing":["b"]}',
        ev.ApprovalDecided(tool_use_ids=("a", "b"), needing=("b",)),
    ),
]

RECORD_IN_MESSAGE_PACK = (  # bytes stay bytes
    b"\x82\xa6number\x07\xa5event\x82\xa5event\xa8received\xa7message\x82\xa4kind\xabusermessage\xa7content\x91\x83\xa4kind\xa8document\xa4data\xc4\x02\x00\xff"
    b"\xaamedia_type\xafapplication/pdf"
)

TO_LLM: list[bytes] = [
    b'{"kind":"usermessage","content":[{"kind":"text","text":"hi"}],"when_busy":"reject",'
    b'"settings":{"model":"claude","system":"sing","temperature":null}}',
    b'{"kind":"addmessages","messages":[{"role":"user","content":[{"kind":"text","text":"hi"}]}]}',
    b'{"kind":"toolresults","results":[{"kind":"toolresult","tool_use_id":"a"}],"last":true,"max_result_bytes":10}',
    b'{"kind":"toolupdate","started":["a"],"progress":{"a":"half"}}',
    b'{"kind":"requestapproval","tool_use_ids":["a"]}',
    b'{"kind":"approve","tool_use_ids":["a"],"inputs":{"a":{"at":2}},"grant":"tool","grant_s":60.0}',
    b'{"kind":"deny","tool_use_ids":["a"],"reason":"no"}',
    b'{"kind":"answerquestion","tool_use_id":"a","text":"Oslo"}',
    b'{"kind":"interrupt","turn":3}',
    b'{"kind":"compact"}',
    b'{"kind":"clear"}',
    b'{"kind":"rewind","turns":2}',
    b'{"kind":"configure","model":"claude","max_output_tokens":9,"tools":[{"kind":"tool","name":"look","description":"Look.",'
    b'"input_schema":{"type":"object"}}],"tool_choice":{"mode":"tool","name":"look","parallel":false},'
    b'"temperature":0.5,"top_p":0.5,"top_k":5,"frequency_penalty":0.25,"presence_penalty":0.75,"seed":3,'
    b'"output_schema":{"type":"object"},"verbosity":"low","prompt_caching":false,"prompt_cache_ttl":"1h","prompt_cache_key":"ravens","user":"u1",'
    b'"metadata":{"team":"birds"},"service_tier":"flex","thinking":{"budget_tokens":1024},"stop_sequences":["stop"],'
    b'"streaming":false,"next":"turn"}',
    b'{"kind":"retry"}',
    b'{"kind":"continue"}',
    b'{"kind":"close","drain":true}',
]

FROM_LLM: list[bytes] = [
    b'{"kind":"turnstarted","session_id":"s","seq":1,"turn":1}',
    b'{"kind":"steered","session_id":"s","seq":2,"turn":1,"number":3,"correlation_id":"c","metadata":{"by":"me"}}',
    b'{"kind":"streamstarted","session_id":"s","seq":2,"turn":1,"message_id":"m","model":"claude","rate_limits":'
    b'{"requests":{"limit":5,"remaining":4,"reset_s":1.5}}}',
    b'{"kind":"textchunk","session_id":"s","seq":3,"turn":1,"text":"hi","block":1}',
    b'{"kind":"cited","session_id":"s","seq":4,"turn":1,"citation":{"cited_text":"so","title":"t","url":"u",'
    b'"source":"d","start":1,"end":2},"block":1}',
    b'{"kind":"thinkingchunk","session_id":"s","seq":4,"turn":1,"text":"hm"}',
    b'{"kind":"toolinputchunk","session_id":"s","seq":5,"turn":1,"tool_use_id":"a","name":"look","json":"{","block":2}',
    b'{"kind":"toolbatch","session_id":"s","seq":6,"turn":1,"uses":[{"kind":"tooluse","id":"a","name":"look",'
    b'"input":{}}],"refused":[{"kind":"tooluse","id":"b","name":"look","input":{"INVALID_JSON":"{"},"malformed":"{"}]}',
    b'{"kind":"approvalrequested","session_id":"s","seq":6,"turn":1,"uses":[{"kind":"tooluse","id":"a","name":"look",'
    b'"input":{}}],"step":1}',
    b'{"kind":"questionasked","session_id":"s","seq":6,"turn":1,"tool_use_id":"a","question":"Which?",'
    b'"choices":["Oslo"],"step":1}',
    b'{"kind":"toolstarted","session_id":"s","seq":6,"turn":1,"tool_use_id":"a","name":"look"}',
    b'{"kind":"toolprogress","session_id":"s","seq":6,"turn":1,"tool_use_id":"a","name":"look","text":"half"}',
    b'{"kind":"toolcompleted","session_id":"s","seq":6,"turn":1,"tool_use_id":"a","name":"look","duration_s":0.5}',
    b'{"kind":"toolfailed","session_id":"s","seq":6,"turn":1,"tool_use_id":"a","name":"look","message":"no",'
    b'"duration_s":0.5}',
    b'{"kind":"stepcompleted","session_id":"s","seq":6,"turn":1,"number":1,"text":"so","uses":[{"kind":"tooluse",'
    b'"id":"a","name":"look","input":{}}],"results":[{"kind":"toolresult","tool_use_id":"a"}],'
    b'"stop_reason":"tool_use","usage":' + _USAGE + b"}",
    b'{"kind":"tokenupdate","session_id":"s","seq":7,"turn":1,"request":'
    + _USAGE
    + b',"of_turn":'
    + _USAGE
    + b',"of_session":'
    + _USAGE
    + b"}",
    b'{"kind":"retrying","session_id":"s","seq":8,"turn":1,"attempt":1,"delay_s":0.5,"code":"overloaded",'
    b'"message":"wait"}',
    b'{"kind":"continuing","session_id":"s","seq":8,"turn":3,"stop_reason":"max_tokens","text":"half"}',
    b'{"kind":"compacted","session_id":"s","seq":9,"messages_before":9,"messages_after":1,"problem":"none"}',
    b'{"kind":"completed","session_id":"s","seq":10,"turn":1,"stop_reason":"end_turn","raw_stop_reason":"end_turn",'
    b'"usage":' + _USAGE + b',"requests":2}',
    b'{"kind":"interrupted","session_id":"s","seq":11,"turn":2}',
    b'{"kind":"failed","session_id":"s","seq":12,"turn":3,"code":"protocol","message":"no","retryable":false,'
    b'"partial_text":"half"}',
    b'{"kind":"configured","session_id":"s","seq":13,"fields":["model"],"model":"claude"}',
    b'{"kind":"cleared","session_id":"s","seq":14}',
    b'{"kind":"messagesadded","session_id":"s","seq":14,"turns":[1,2],"messages":4}',
    b'{"kind":"rewound","session_id":"s","seq":14,"turns":[1,2],"messages":4}',
    b'{"kind":"closed","session_id":"s","seq":15}',
    b'{"kind":"died","session_id":"s","seq":15,"reason":"crashed"}',
    b'{"kind":"missed","session_id":"s","seq":9,"first":1,"last":9}',
    b'{"kind":"processlost","session_id":"s","seq":15,"reason":"crashed"}',
    b'{"kind":"waiting","session_id":"s","seq":16,"turn":3,"reason":"requests","expected_s":2.5}',
]


@pytest.mark.parametrize(("stored", "event"), EVENTS, ids=lambda value: type(value).__name__)
def test_a_stored_event_decodes_to_the_same_event(stored: bytes, event: ev.Event) -> None:
    assert msgspec.json.decode(stored, type=ev.Event) == event


@pytest.mark.parametrize(("stored", "event"), EVENTS, ids=lambda value: type(value).__name__)
def test_an_event_encodes_to_the_stored_bytes(stored: bytes, event: ev.Event) -> None:
    assert msgspec.json.encode(event) == stored


def test_events_with_a_usage_as_it_was_stored_first_decode_to_the_same() -> None:
    older = [(stored.replace(_USAGE, _OLDER_USAGE), event) for stored, event in EVENTS if _USAGE in stored]
    from_llm = [stored for stored in FROM_LLM if _USAGE in stored]
    older_from_llm = [stored.replace(_USAGE, _OLDER_USAGE) for stored in from_llm]

    assert older
    assert [msgspec.json.decode(stored, type=ev.Event) for stored, _ in older] == [event for _, event in older]
    assert from_llm
    assert [msgspec.json.decode(stored, type=out.FromLLM) for stored in older_from_llm] == [
        msgspec.json.decode(stored, type=out.FromLLM) for stored in from_llm
    ]


def test_every_type_of_event_has_a_stored_literal() -> None:
    assert {type(event) for _, event in EVENTS} == set(get_args(ev.Event))


def test_a_stored_message_pack_record_decodes_and_encodes_unchanged() -> None:
    content = (Document(data=b"\x00\xff", media_type="application/pdf"),)
    record = ev.Record(7, ev.Received(message=msg.UserMessage(content=content)))

    assert msgspec.msgpack.decode(RECORD_IN_MESSAGE_PACK, type=ev.Record) == record
    assert msgspec.msgpack.encode(record) == RECORD_IN_MESSAGE_PACK


def test_stored_messages_and_events_decode_and_encode_unchanged() -> None:
    to_llm = [msgspec.json.decode(stored, type=msg.ToLLM) for stored in TO_LLM]
    from_llm = [msgspec.json.decode(stored, type=out.FromLLM) for stored in FROM_LLM]

    assert [type(message) for message in to_llm] == list(get_args(msg.ToLLM))
    assert [type(event) for event in from_llm] == list(get_args(out.FromLLM))
    assert [msgspec.json.encode(message) for message in to_llm] == TO_LLM
    assert [msgspec.json.encode(event) for event in from_llm] == FROM_LLM
