"""Answers of Anthropic's Messages API: refusals, fallbacks, citations and summaries."""

from typing import Any

import msgspec
import pytest
from builders.anthropic import cited, content_deltas, streamed, whole
from fixtures.clients import HI
from validators.anthropic import violations
from validators.betas.anthropic import FALLBACK_BETA

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import BlocksWithdrawn, OpaqueReceived
from rayconteur.providers.schema.errors import ProtocolError
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopDetails, StopReason

DETAILS = '{"type":"refusal","category":"cyber","explanation":"This is about exploits.","recommended_model":"m2"}'


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_refusal_has_its_category_its_explanation_and_the_vendor_s_own_object(is_streamed: bool) -> None:
    stop = f'"stop_reason":"refusal","stop_details":{DETAILS}'

    answer = streamed(stop=f"{{{stop}}}") if is_streamed else whole(more=stop)

    assert answer.stop_reason is StopReason.REFUSAL
    assert answer.stop_details == StopDetails(
        category="cyber", explanation="This is about exploits.", vendor=msgspec.json.decode(DETAILS)
    )


@pytest.mark.parametrize("details", ["null", "[1]", '"no"'])
def test_an_answer_without_readable_stop_details_has_none(details: str) -> None:
    assert streamed(stop=f'{{"stop_reason":"refusal","stop_details":{details}}}').stop_details is None


def test_stop_details_without_texts_keep_the_vendor_s_object() -> None:
    answer = streamed(stop='{"stop_reason":"refusal","stop_details":{"type":"refusal","category":null}}')

    assert answer.stop_details == StopDetails(vendor={"type": "refusal", "category": None})


CITED = '{"type":"web_search_result_location","url":"https://x.example","title":"X","encrypted_index":"Eo8B","cited_text":"big"}'


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_citation_keeps_its_form_on_the_wire(is_streamed: bool) -> None:
    block = f'{{"type":"text","text":"Ravens are big.","citations":[{CITED}]}}'

    [text] = (streamed(block) if is_streamed else whole(block)).content

    citation = cited(CITED.encode(), cited_text="big", url="https://x.example", title="X")
    assert text == Text(text="Ravens are big.", citations=(citation,))


def test_a_malformed_citation_is_a_protocol_error() -> None:
    piece = '{"type":"citations_delta","citation":{"cited_text":7}}'

    with pytest.raises(ProtocolError):
        content_deltas(f'{{"type":"content_block_delta","index":0,"delta":{piece}}}')


THINKING = '{"type":"thinking","thinking":"Hm.","signature":"c2ln"}'
HIDDEN = '{"type":"redacted_thinking","data":"aGlk"}'
PARTIAL = '{"type":"text","text":"Well, "}'
CALL = '{"type":"tool_use","id":"toolu_1","name":"measure","input":{}}'
SEARCH = '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}'
FOUND = '{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}'
ALONE = '{"type":"server_tool_use","id":"srvtoolu_2","name":"web_search","input":{}}'
INTERNAL = '{"type":"connector_text","text":"and"}'
FALLBACK = '{"type":"fallback","from":{"model":"a"},"to":{"model":"b"},"trigger":{"type":"refusal","category":"bio"}}'
LATER_CALL = CALL.replace("toolu_1", "toolu_2")


def opaque(block: str) -> Opaque:
    kind = msgspec.json.decode(block, type=dict[str, object])["type"]
    return Opaque(provider="anthropic", type=str(kind), json=block.encode())


@pytest.mark.parametrize("is_streamed", [True, False])
def test_only_text_and_finished_searches_stay_of_a_model_that_declined(is_streamed: bool) -> None:
    blocks = [THINKING, HIDDEN, PARTIAL, CALL, SEARCH, FOUND, ALONE, INTERNAL, FALLBACK, THINKING, LATER_CALL]

    answer = streamed(*blocks) if is_streamed else whole(*blocks)

    kept: list[Block] = [Text(text="Well, "), opaque(SEARCH), opaque(FOUND), opaque(FALLBACK)]
    after = [
        Thinking(text="Hm.", provider="anthropic", signature="c2ln"),
        ToolUse(id="toolu_2", name="measure", input={}),
    ]
    assert answer.content == (*kept, *after)


def test_an_answer_with_a_fallback_goes_back_as_the_api_wants_it() -> None:
    answer = streamed(THINKING, PARTIAL, CALL, SEARCH, FOUND, ALONE, FALLBACK, THINKING, PARTIAL)
    history = (HI, Message(role=Role.ASSISTANT, content=answer.content, turn=1), HI)

    sent = body(Request(2, history, Settings()), Dialect("claude-opus-5"), streaming=True)

    decoded = msgspec.json.decode(sent, type=dict[str, Any])
    assert [block["type"] for block in decoded["messages"][1]["content"]] == [
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "fallback",
        "thinking",
        "text",
    ]
    assert violations(decoded, {"anthropic-beta": FALLBACK_BETA, "anthropic-version": "2023-06-01"}) == []


def test_the_last_of_several_fallbacks_counts() -> None:
    answer = streamed(CALL, FALLBACK, THINKING, LATER_CALL, FALLBACK, PARTIAL)

    assert answer.content == (opaque(FALLBACK), opaque(FALLBACK), Text(text="Well, "))


def test_a_fallback_before_any_output_withdraws_nothing() -> None:
    deltas = content_deltas(f'{{"type":"content_block_start","index":0,"content_block":{FALLBACK}}}')

    assert not any(isinstance(delta, BlocksWithdrawn) for delta in deltas)


SUMMARY = '{"type":"compaction","content":"They greeted.","signature":"EuYB","encrypted_content":null}'


def test_a_summary_of_the_api_s_own_is_kept_as_it_arrived() -> None:
    answer = streamed(SUMMARY, stop='{"stop_reason":"compaction"}')

    assert answer.content == (opaque(SUMMARY),)
    assert (answer.stop_reason, answer.raw_stop_reason) == (StopReason.PAUSED, "compaction")


def test_a_summary_that_arrives_in_a_piece_is_put_together() -> None:
    start = '{"type":"content_block_start","index":0,"content_block":{"type":"compaction","content":null}}'
    piece = '{"type":"compaction_delta","content":"They greeted.","encrypted_content":"RW5j"}'

    deltas = content_deltas(
        start,
        f'{{"type":"content_block_delta","index":0,"delta":{piece}}}',
        '{"type":"content_block_stop","index":0}',
    )

    [block, _] = deltas
    assert isinstance(block, OpaqueReceived)
    assert msgspec.json.decode(block.json) == {
        "type": "compaction",
        "content": "They greeted.",
        "encrypted_content": "RW5j",
    }


def test_the_tokens_of_a_compaction_are_those_of_its_only_run() -> None:
    run = '{"type":"compaction","input_tokens":144,"output_tokens":276,"cache_read_input_tokens":6}'

    answer = streamed(SUMMARY, usage=f'{{"input_tokens":0,"output_tokens":0,"iterations":[{run}]}}')

    assert (answer.usage.input.tokens, answer.usage.output.tokens) == (150, 276)


def test_the_tokens_of_an_answer_are_those_of_the_run_that_answered() -> None:
    runs = '[{"type":"message","input_tokens":90,"output_tokens":5},{"type":"fallback_message","input_tokens":3}]'

    answer = streamed(PARTIAL, usage=f'{{"input_tokens":3,"output_tokens":9,"iterations":{runs}}}')

    assert (answer.usage.input.tokens, answer.usage.output.tokens) == (3, 9)
