"""What was written once can be read for good: a literal of each record, and of each message to and from a session."""

from typing import get_args

import msgspec
import pytest

from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer, Partial
from rayconteur.providers.schema.facts import ModelFacts, Prices
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Cost, Provenance, Usage, estimated, reported
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import WhenBusy
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
    b'"cache_read":{"tokens":null,"provenance":"unavailable"},'
    b'"cache_write":{"tokens":null,"provenance":"unavailable"},'
    b'"reasoning":{"tokens":null,"provenance":"unavailable"},"cost":{"usd":0.25,"provenance":"estimated"}}'
)
_PARTIAL = (
    b'{"content":[{"kind":"text","text":"half"}],"text":"half","usage":' + _USAGE + b',"message_id":"m",'
    b'"model":"claude"}'
)

RECORDS: list[tuple[bytes, ev.Event]] = [
    (
        b'{"event":"asked","content":[{"kind":"text","text":"hi"},{"kind":"image","url":"http://x"},'
        b'{"kind":"document","data":"AA==","media_type":"text/plain","name":"d"}],"size_bytes":7,'
        b'"when_busy":"interrupt","partial":' + _PARTIAL + b"}",
        ev.Asked(
            content=(
                Text("hi"),
                Image(url="http://x"),
                Document(data=b"\x00", media_type="text/plain", name="d"),
            ),
            size_bytes=7,
            when_busy=WhenBusy.INTERRUPT,
            partial=PARTIAL,
        ),
    ),
    (
        b'{"event":"toolsreturned","results":[{"kind":"toolresult","tool_use_id":"a",'
        b'"content":[{"kind":"text","text":"seen"}],"is_error":true}],"size_bytes":7,"last":true}',
        ev.ToolsReturned(
            results=(ToolResult(tool_use_id="a", content=(Text("seen"),), is_error=True),), size_bytes=7, last=True
        ),
    ),
    (
        b'{"event":"interruptasked","turn":3,"partial":' + _PARTIAL + b"}",
        ev.InterruptAsked(turn=3, partial=PARTIAL),
    ),
    (b'{"event":"retryasked"}', ev.RetryAsked()),
    (b'{"event":"clearasked"}', ev.ClearAsked()),
    (b'{"event":"compactasked"}', ev.CompactAsked()),
    (
        b'{"event":"configureasked","change":{"kind":"configure","provider":{"provider":"openai","model":"gpt"},'
        b'"system":null,"next":"turn"},"facts":{"context_limit_tokens":5,"prices":[{"input":1.5}],"takes_images":false}}',
        ev.ConfigureAsked(
            change=say.Configure(provider=OpenAI(model="gpt"), system=None, next="turn"),
            facts=ModelFacts(context_limit_tokens=5, prices=(Prices(input=1.5),), takes_images=False),
        ),
    ),
    (
        b'{"event":"closeasked","drain":true,"partial":' + _PARTIAL + b"}",
        ev.CloseAsked(drain=True, partial=PARTIAL),
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
    (
        b'{"event":"compactionended","compaction":1,"messages":[{"role":"user",'
        b'"content":[{"kind":"text","text":"in short"}],"turn":1}],"problem":"none"}',
        ev.CompactionEnded(
            compaction=1,
            messages=(Message(role=Role.USER, content=(Text("in short"),), turn=1),),
            problem="none",
        ),
    ),
]

AS_THE_JOURNAL_HAS_IT = (  # MessagePack: bytes stay bytes
    b"\x82\xa5event\xa5asked\xa7content\x91\x83\xa4kind\xa8document\xa4data\xc4\x02\x00\xff"
    b"\xaamedia_type\xafapplication/pdf"
)

TO_LLM: list[bytes] = [
    b'{"kind":"usermessage","content":[{"kind":"text","text":"hi"}],"when_busy":"reject"}',
    b'{"kind":"toolresults","results":[{"kind":"toolresult","tool_use_id":"a"}],"last":true}',
    b'{"kind":"interrupt","turn":3}',
    b'{"kind":"compact"}',
    b'{"kind":"clear"}',
    b'{"kind":"configure","model":"claude","max_output_tokens":9,"tools":[{"name":"look","description":"Look.",'
    b'"input_schema":{"type":"object"}}],"tool_choice":{"mode":"tool","name":"look","parallel":false},'
    b'"temperature":0.5,"top_p":0.5,"top_k":5,"frequency_penalty":0.25,"presence_penalty":0.75,"seed":3,'
    b'"output_schema":{"type":"object"},"prompt_caching":false,"thinking":{"budget_tokens":1024,"effort":null},"stop_sequences":["stop"],'
    b'"streaming":false,"next":"turn"}',
    b'{"kind":"retry"}',
    b'{"kind":"close","drain":true}',
]

FROM_LLM: list[bytes] = [
    b'{"kind":"turnstarted","session_id":"s","seq":1,"turn":1}',
    b'{"kind":"streamstarted","session_id":"s","seq":2,"turn":1,"message_id":"m","model":"claude","rate_limits":'
    b'{"requests":{"limit":5,"remaining":4,"reset_s":1.5}}}',
    b'{"kind":"textchunk","session_id":"s","seq":3,"turn":1,"text":"hi","block":1}',
    b'{"kind":"cited","session_id":"s","seq":4,"turn":1,"citation":{"cited_text":"so","title":"t","url":"u",'
    b'"source":"d","start":1,"end":2},"block":1}',
    b'{"kind":"thinkingchunk","session_id":"s","seq":4,"turn":1,"text":"hm"}',
    b'{"kind":"toolinputchunk","session_id":"s","seq":5,"turn":1,"tool_use_id":"a","name":"look","json":"{","block":2}',
    b'{"kind":"toolbatch","session_id":"s","seq":6,"turn":1,"uses":[{"kind":"tooluse","id":"a","name":"look",'
    b'"input":{}}],"refused":[{"kind":"tooluse","id":"b","name":"look","input":{"INVALID_JSON":"{"},"malformed":"{"}]}',
    b'{"kind":"tokenupdate","session_id":"s","seq":7,"turn":1,"request":'
    + _USAGE
    + b',"of_turn":'
    + _USAGE
    + b',"of_session":'
    + _USAGE
    + b"}",
    b'{"kind":"retrying","session_id":"s","seq":8,"turn":1,"attempt":1,"delay_s":0.5,"code":"overloaded",'
    b'"message":"wait"}',
    b'{"kind":"compacted","session_id":"s","seq":9,"messages_before":9,"messages_after":1,"problem":"none"}',
    b'{"kind":"completed","session_id":"s","seq":10,"turn":1,"stop_reason":"end_turn","raw_stop_reason":"end_turn",'
    b'"usage":' + _USAGE + b',"requests":2}',
    b'{"kind":"interrupted","session_id":"s","seq":11,"turn":2}',
    b'{"kind":"failed","session_id":"s","seq":12,"turn":3,"code":"protocol","message":"no","retryable":false,'
    b'"partial_text":"half"}',
    b'{"kind":"configured","session_id":"s","seq":13,"fields":["model"],"model":"claude"}',
    b'{"kind":"cleared","session_id":"s","seq":14}',
    b'{"kind":"closed","session_id":"s","seq":15}',
    b'{"kind":"missed","session_id":"s","seq":9,"first":1,"last":9}',
]


@pytest.mark.parametrize(("written", "meant"), RECORDS, ids=lambda it: type(it).__name__)
def test_an_old_record_means_what_it_meant(written: bytes, meant: ev.Event) -> None:
    assert msgspec.json.decode(written, type=ev.Event) == meant


@pytest.mark.parametrize(("written", "meant"), RECORDS, ids=lambda it: type(it).__name__)
def test_a_record_is_still_written_as_it_was(written: bytes, meant: ev.Event) -> None:
    assert msgspec.json.encode(meant) == written


def test_every_kind_of_record_is_guarded() -> None:
    assert {type(meant) for _, meant in RECORDS} == set(get_args(ev.Event)) - {ev.AnswerBegan}


def test_a_record_in_the_journals_own_format_means_what_it_meant() -> None:
    meant = ev.Asked(content=(Document(data=b"\x00\xff", media_type="application/pdf"),))

    assert msgspec.msgpack.decode(AS_THE_JOURNAL_HAS_IT, type=ev.Event) == meant


def test_every_old_message_can_be_read_and_is_still_written_as_it_was() -> None:
    to_llm = [msgspec.json.decode(written, type=say.ToLLM) for written in TO_LLM]
    from_llm = [msgspec.json.decode(written, type=say.FromLLM) for written in FROM_LLM]

    assert [type(message) for message in to_llm] == list(get_args(say.ToLLM))
    assert [type(event) for event in from_llm] == list(get_args(say.FromLLM))
    assert [msgspec.json.encode(message) for message in to_llm] == TO_LLM
    assert [msgspec.json.encode(event) for event in from_llm] == FROM_LLM
