"""Answers of Responses whose events leave out, repeat or move what others have are read as the documented ones."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from rayconteur.providers.openai.responses.decoder import answer_decoder
from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.draft import Draft

Event = dict[str, Any]
Change = Callable[[list[Event]], list[Event]]

ITEMS: list[Event] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Look."}],
        "encrypted_content": "gAAA",
    },
    {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "First.", "annotations": []}]},
    {"type": "mcp_call", "id": "mcp_1", "name": "list", "arguments": "{}", "output": "raven"},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at":"roof"}'},
    {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "look", "arguments": '{"at":"tree"}'},
    {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_3", "name": "shell", "input": 'say "caw"'},
    {"type": "message", "id": "msg_2", "content": [{"type": "output_text", "text": "Second.", "annotations": []}]},
]
READING = [
    ("thinking", "Look.", '{"id":"rs_1","encrypted_content":"gAAA"}'),
    ("text", "First."),
    ("opaque", "mcp_call"),
    ("tool", "call_1", "look", {"at": "roof"}),
    ("tool", "call_2", "look", {"at": "tree"}),
    ("tool", "call_3", "shell", {"input": 'say "caw"'}),
    ("text", "Second."),
]
_KINDS = {
    "reasoning": "reasoning_summary_text",
    "message": "output_text",
    "function_call": "function_call_arguments",
    "custom_tool_call": "custom_tool_call_input",
}
_EMPTY: Event = {"summary": [], "content": [], "arguments": "", "input": ""}
_INDEXES = ("output_index", "content_index", "summary_index")


def content_of(item: Event) -> tuple[str, str]:
    match item:
        case {"arguments": text}:
            return "arguments", text
        case {"input": text}:
            return "input", text
        case {"summary": [part]} | {"content": [part]}:
            return "text", part["text"]
        case _:
            raise ValueError(item)


def documented_stream() -> list[Event]:
    """The events of ITEMS as the API documents them."""
    events: list[Event] = [{"type": "response.created", "response": {"id": "r1", "model": "m"}}]
    for index, item in enumerate(ITEMS):
        added = {name: _EMPTY.get(name, value) for name, value in item.items() if name != "encrypted_content"}
        events.append({"type": "response.output_item.added", "output_index": index, "item": added})
        if kind := _KINDS.get(item["type"]):
            name, text = content_of(item)
            place: Event = {"item_id": item["id"], "output_index": index}
            if name == "text":
                place["summary_index" if item["type"] == "reasoning" else "content_index"] = 0
            pieces = (text[:3], text[3:])
            events += [{"type": f"response.{kind}.delta", **place, "delta": piece} for piece in pieces]
            events.append({"type": f"response.{kind}.done", **place, name: text})
            if item["type"] == "message":
                part = {"type": "response.content_part.done", **place, "part": item["content"][0]}
                events.append(part)
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*events, {"type": "response.completed", "response": {"status": "completed", "output": ITEMS}}]


def read(events: list[Event]) -> list[tuple[Any, ...]]:
    decoder, draft = answer_decoder("raven", 7), Draft("raven")
    draft.add(decoder.feed("".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()))
    draft.add(decoder.finish())
    return [described(block) for block in draft.finish().content if getattr(block, "type", "") != "tool_call"]


def described(block: Block) -> tuple[Any, ...]:
    match block:
        case Thinking():
            return "thinking", block.text, block.signature
        case Text():
            return "text", block.text
        case ToolUse():
            return "tool", block.id, block.name, block.input
        case Opaque():
            return "opaque", block.type
        case _:
            raise ValueError(block)


def without(*ends: str) -> Change:
    """Leaves out the events whose types end with one of *ends*."""
    return lambda events: [event for event in events if not event["type"].endswith(ends)]


def without_members(*names: str) -> Change:
    return lambda events: [{name: value for name, value in event.items() if name not in names} for event in events]


def with_an_id_for_each_event(events: list[Event]) -> list[Event]:
    ids = (f"id_{number}" for number in itertools.count())
    return [{**event, "item_id": next(ids)} if "item_id" in event else event for event in events]


def with_index_0(events: list[Event]) -> list[Event]:
    return [{**event, "output_index": 0} if "output_index" in event else event for event in events]


def counted_from_1(events: list[Event]) -> list[Event]:
    return [
        {**event, "output_index": event["output_index"] + 1} if "output_index" in event else event for event in events
    ]


def without_output(events: list[Event]) -> list[Event]:
    return [*events[:-1], {"type": "response.completed", "response": {"status": "completed", "output": []}}]


def only_the_last(events: list[Event]) -> list[Event]:
    return [events[0], events[-1]]


def unchanged(events: list[Event]) -> list[Event]:
    return events


def named_at_the_end(events: list[Event]) -> list[Event]:
    return [
        {**event, "item": {**event["item"], "name": ""}} if event["type"].endswith("added") else event
        for event in events
    ]


PLACES: dict[str, Change] = {
    "all": unchanged,
    "no indexes": without_members(*_INDEXES),
    "no indexes of parts": without_members("content_index", "summary_index"),
    "no ids of items": without_members("item_id"),
    "neither": without_members("item_id", *_INDEXES),
    "an id for each event": with_an_id_for_each_event,
    "index 0 everywhere": with_index_0,
    "counted from 1": counted_from_1,
}
EVENTS: dict[str, Change] = {
    "all": unchanged,
    "no pieces": without(".delta"),
    "no ends of parts": without("text.done", "arguments.done", "input.done", "part.done"),
    "no items added": without("item.added"),
    "no items done": without("item.done"),
    "no output": without_output,
    "only pieces and the last event": without("item.added", "item.done", "text.done", "part.done"),
    "only items done": without("item.added", ".delta", "text.done", "arguments.done", "input.done", "part.done"),
    "only the last event": only_the_last,
    "names at the end": named_at_the_end,
    "not announced": without("created"),
}


@pytest.mark.parametrize(("places", "events"), [*itertools.product(PLACES, EVENTS)])
def test_an_answer_is_read_the_same_whatever_its_events_leave_out(places: str, events: str) -> None:
    content = read(PLACES[places](EVENTS[events](documented_stream())))

    if events == "only pieces and the last event":  # which has what no pieces announced: it comes after them
        assert sorted(content, key=READING.index) == READING
    else:
        assert content == READING
