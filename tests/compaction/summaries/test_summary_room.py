"""The room for summaries: how long they may be, what is worth one, and the pieces that fit a window."""

import asyncio
import re
from collections.abc import Callable

import msgspec
import pytest
from builders.compaction import LONG, assistant, compacted, total_tokens, turns, user
from builders.histories import answer, count_tokens

from rayconteur.compaction import CompactionJob, Layered, SideRequest, Summarize, compact
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.messages import Message

FACT = re.compile(r"FACT-\d+=[^\s.]+")


async def summarize_facts(request: SideRequest) -> Answer:
    """A model whose summary is every fact in the conversation, and nothing else."""
    text = "".join(block.text for message in request.messages for block in message.content if isinstance(block, Text))
    return answer("\n".join(dict.fromkeys(FACT.findall(text))))


class Model:
    """Answers every request with *text*, and keeps the requests."""

    def __init__(self, text: str = "There were ravens.") -> None:
        self.requests: list[SideRequest] = []
        self._answer = answer(text)

    async def __call__(self, request: SideRequest) -> Answer:
        self.requests.append(request)
        return self._answer


@pytest.mark.parametrize(("window", "tokens"), [(400, 100), (500, 100), (505, 101), (10_000, 2_000), (20_000, 2_048)])
def test_a_summary_has_a_fifth_of_the_room_for_the_history_within_limits(window: int, tokens: int) -> None:
    model = Model()

    compacted(turns(10), Summarize(), 1, model, window_tokens=window)

    assert {request.max_output_tokens for request in model.requests} == {tokens}


@pytest.mark.parametrize(("tokens", "requests"), [(99, 0), (100, 1)])
def test_messages_that_are_shorter_than_a_summary_are_not_summarized(tokens: int, requests: int) -> None:
    model = Model()
    history = [user(1, "a" * (tokens - 11)), assistant(1, "yes"), user(2, LONG)]
    assert total_tokens(history[:2]) == tokens

    compacted(history, Layered(strategies=(Summarize(keep_recent_turns=1),)), 1_000, model, window_tokens=1_000)

    assert min(1, len(model.requests)) == requests


@pytest.mark.parametrize(("window", "parts"), [(30_000, 1), (12_000, 3)])
def test_a_history_is_summarized_in_pieces_that_fit_the_window(window: int, parts: int) -> None:
    model = Model()

    compacted(turns(10), Summarize(keep_recent_turns=1, max_summary_tokens=500), 1_000, model, limit_tokens=window)

    assert len(model.requests) == parts
    for request in model.requests:
        sent = sum(map(count_tokens, request.messages)) + len(request.system)
        assert sent + request.max_output_tokens <= 0.95 * window


@pytest.mark.parametrize(
    "says",
    ["maximum context length is 9000 tokens", "too long", "maximum context length is 99000 tokens"],  # by its own count
)
def test_a_summarizer_whose_window_is_smaller_than_assumed_gets_smaller_pieces(says: str) -> None:
    refused: list[int] = []
    facts = [f"FACT-{number}={number}" for number in range(1, 11)]
    history = [m for turn, fact in enumerate(facts, 1) for m in (user(turn, f"{fact} . {LONG}"), assistant(turn, "ok"))]

    async def send(request: SideRequest) -> Answer:
        tokens = sum(map(count_tokens, request.messages)) + len(request.system)
        if tokens + request.max_output_tokens > 9_000:
            refused.append(tokens)
            raise ContextOverflow(says)
        return await summarize_facts(request)

    result = compacted(history, Summarize(keep_recent_turns=1, max_summary_tokens=500), 1_000, send)

    assert len(refused) == 1
    assert result.messages
    assert all(fact in _json(result.messages) for fact in facts)


def test_a_summarizer_that_names_its_window_gets_pieces_that_fill_it() -> None:
    sent: list[int] = []

    async def send(request: SideRequest) -> Answer:
        sent.append(sum(map(count_tokens, request.messages)))
        if len(sent) == 1:
            raise ContextOverflow("maximum context length is 20000 tokens")
        return answer("There were ravens.")

    compacted(turns(10), Summarize(keep_recent_turns=1, max_summary_tokens=500), 1_000, send)

    assert sent[1] > 0.6 * sent[0]


def sent_of_a_long_message(count: Callable[[Message], int]) -> int:
    """The tokens, by the tests' own count, of the request for a summary of a message longer than the window of 4,000.

    *count* is what the model is taken to count.
    """
    model = Model()
    job = CompactionJob(
        messages=[user(1, LONG * 30), assistant(1, "ok"), user(2, "hm")],
        budget_tokens=1_000,
        limit_tokens=4_000,
        window_tokens=4_000,
        count_tokens=count,
        send=model,
    )
    asyncio.run(compact(job, Summarize(max_summary_tokens=500)))
    return sum(map(count_tokens, model.requests[0].messages))


def test_a_message_longer_than_a_request_is_cut_to_two_characters_a_token() -> None:
    sent = sent_of_a_long_message(lambda message: count_tokens(message) // 4)

    assert 4_000 < sent < 6_000  # of some 2,400 tokens that are left for the conversation


def test_a_message_in_a_script_of_many_tokens_is_cut_until_it_fits_and_fills_the_room() -> None:
    sent = sent_of_a_long_message(lambda message: 2 * count_tokens(message))

    assert 700 < sent < 1_200  # half as many as the model counts


def test_a_summarizer_that_takes_nothing_is_asked_a_limited_number_of_times() -> None:
    requests: list[SideRequest] = []

    async def send(request: SideRequest) -> Answer:
        requests.append(request)
        raise ContextOverflow("too long")

    result = compacted(turns(10), Summarize(), 1_000, send)

    assert result.messages is None
    assert "context_overflow" in (result.report.problem or "")
    assert len(requests) < 15


REFUSALS = [
    "I'm sorry, but I can't help.",
    "I\N{RIGHT SINGLE QUOTATION MARK}m sorry.",
    "I cannot assist with that.",
    "As an AI, no.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_in_words_is_no_summary(text: str) -> None:
    assert compacted(turns(10), Summarize(), 1_000, Model(text)).messages is None


def test_a_summary_that_begins_like_a_refusal_is_one_if_it_is_longer() -> None:
    assert compacted(turns(10), Summarize(), 1_000, Model("I can't find the nest, said the user. " * 10)).messages


def _json(value: object) -> str:
    """All of *value*: a repr is cut."""
    return msgspec.json.encode(value).decode()


@pytest.mark.parametrize(("excess", "is_summary"), [(0, True), (1, False)])
def test_an_answer_of_up_to_twice_the_limit_and_a_frame_is_a_summary(excess: int, is_summary: bool) -> None:
    text = "x" * (2 * 100 + 150 + excess - count_tokens(user(1, "")))
    history = turns(10)

    async def send(request: SideRequest) -> Answer:
        return answer(text)

    result = compacted(history, Summarize(keep_recent_turns=4, max_summary_tokens=100), total_tokens(history) - 1, send)

    assert (result.report.summary_chars == len(text)) is is_summary
    assert ("much longer than 100 tokens" in (result.report.problem or "")) is not is_summary
