"""Token estimates: by kind of content at first, corrected by reported figures later."""

import struct
import time
import zlib
from itertools import pairwise
from statistics import median

import msgspec
import pytest
from builders.compaction import assistant, turns, user
from builders.histories import histories
from builders.recorded_requests import RecordedRequest, recorded_requests
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.compaction.estimate.estimator import Estimator, Learned, tokens_in
from rayconteur.compaction.estimate.sizes import Sizes, settings_sizes
from rayconteur.providers.schema.content import Block, Document, Image, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Settings
from rayconteur.providers.schema.tools import Tool

PROSE = "Ravens hide their food and remember where, and hide it again if another one was watching. " * 20
CODE = msgspec.json.encode([{"id": n, "at": [n, -n], "ok": n % 2 == 0} for n in range(60)]).decode()
CHINESE = "乌鸦会把食物藏起来并且记得藏在哪里。" * 20
SETTINGS = Settings(system="Be brief.")

APIS = [
    ("anthropic", "anthropic", "messages"),
    ("openai", "openai_chat", "chat_completions"),
    ("openai", "openai_responses", "responses"),
    ("google", "gemini", "generate_content"),
    ("cohere", "cohere", "chat_v2"),
    ("bedrock", "bedrock", "converse"),
]


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))


def estimate(*content: Block | str, provider: str = "") -> int:
    return Estimator(provider).tokens(user(1, *content))


def request_tokens(estimator: Estimator, messages: list[Message], settings: Settings = SETTINGS) -> int:
    return estimator.tokens_of_settings(settings) + sum(map(estimator.tokens, messages))


# Before anything is reported


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        (PROSE, len(PROSE) / 5, len(PROSE) / 4),  # o200k_base: 4.9 characters a token
        (CODE, len(CODE) / 4, len(CODE) / 2),
        (CHINESE, len(CHINESE) * 0.6, len(CHINESE) * 1.5),
    ],
    ids=["prose", "code", "chinese"],
)
def test_each_kind_of_text_has_its_own_density(text: str, least: float, most: float) -> None:
    assert least < estimate(text) < most
    assert least < estimate(ToolResult("a", (Text(text),))) < most


def test_every_kind_of_block_is_counted() -> None:
    blocks: list[Block] = [
        Image(url="https://example.org/raven.png"),
        Document(data=b"%PDF", media_type="application/pdf"),
        Document(data=PROSE.encode(), media_type="text/plain"),
        Thinking(text=PROSE, provider="anthropic"),
        Thinking(text="", provider="anthropic", signature="s" * 400, redacted=True),
        ToolUse("a", "look", {"where": PROSE}),
    ]

    assert all(estimate("hi", block) > estimate("hi") + 20 for block in blocks)


def test_tools_and_the_system_prompt_are_counted() -> None:
    tool = Tool(name="look", description=PROSE)
    estimator = Estimator("openai")

    alone = estimator.tokens_of_settings(Settings())
    with_system = estimator.tokens_of_settings(Settings(system=PROSE))
    with_tool = estimator.tokens_of_settings(Settings(tools=(tool,)))

    assert alone < with_tool
    assert len(PROSE) / 5 < with_system - alone < len(PROSE) / 4


@pytest.mark.parametrize(
    ("provider", "width", "height", "tokens"),
    [
        ("anthropic", 200, 200, 54),  # the examples in its documentation
        ("anthropic", 1_000, 1_000, 1_334),
        ("anthropic", 1_092, 1_092, 1_590),
        ("openai", 1_024, 1_024, 765),  # the examples in its documentation
        ("openai", 2_048, 4_096, 1_105),
        ("google", 384, 384, 258),
        ("google", 960, 540, 6 * 258),
    ],
)
def test_an_image_is_counted_by_the_rule_of_its_provider(provider: str, width: int, height: int, tokens: int) -> None:
    image = Image(data=png(width, height), media_type="image/png")

    assert estimate(image, provider=provider) - estimate(provider=provider) == pytest.approx(tokens, abs=2)


@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8", b"RIFF\0\0\0\0WEBPVP8X"]), st.binary())
def test_a_broken_image_is_estimated_too(head: bytes, rest: bytes) -> None:
    if head + rest:
        assert estimate(Image(data=head + rest, media_type="image/png"), provider="openai") > 0


@given(histories())
def test_every_message_has_tokens(conversation: tuple[tuple[Message, ...], int | None]) -> None:
    messages, _ = conversation

    assert all(Estimator("anthropic").tokens(message) > 0 for message in messages)


@pytest.mark.parametrize(
    ("reported", "learns"), [(33, False), (34, True), (2_300, True), (2_301, False), (0, False), (-5, False)]
)
def test_figures_from_a_third_to_thrice_the_estimate_and_two_thousand_more_teach(reported: int, learns: bool) -> None:
    learned = Learned()

    assert (learned.after(Sizes(prose=100.0), reported) != learned) is learns


def test_a_number_of_bytes_is_estimated_at_four_per_token() -> None:
    assert [tokens_in(size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]


# Learning from reported figures


def test_the_estimator_learns_by_how_much_it_is_off() -> None:
    history, estimator = turns(40, PROSE), Estimator("openai")

    for end in range(2, 80, 2):
        true = int(1.4 * request_tokens(Estimator("openai"), history[:end]))
        estimator = estimator.learned(history[:end], SETTINGS, true)

    expected = 1.4 * request_tokens(Estimator("openai"), history)
    assert request_tokens(estimator, history) == pytest.approx(expected, rel=0.03)


def test_the_estimator_learns_each_kind_of_content_separately() -> None:
    estimator = Estimator("anthropic")
    code, prose = user(1, CODE), user(2, PROSE)
    code_tokens, prose_tokens = estimator.tokens(code), estimator.tokens(prose)

    for messages, true in [([code], 1.5 * code_tokens), ([prose], 0.9 * prose_tokens)] * 10:
        estimator = estimator.learned(messages, SETTINGS, int(true) + estimator.tokens_of_settings(SETTINGS))

    assert estimator.tokens(code) == pytest.approx(1.5 * code_tokens, rel=0.05)
    assert estimator.tokens(prose) == pytest.approx(0.9 * prose_tokens, rel=0.05)


@pytest.mark.parametrize("wrong", [-5, 0, 3, 10**9])
def test_an_implausible_figure_is_ignored(wrong: int) -> None:
    estimator = Estimator("openai")

    assert estimator.learned(turns(10, PROSE), SETTINGS, wrong) == estimator


@given(st.lists(st.integers(-10, 10**6), max_size=30))
def test_the_estimate_stays_within_a_factor_of_two_whatever_is_reported(figures: list[int]) -> None:
    history, initial = turns(10, PROSE), Estimator("openai")
    estimator = initial

    for figure in figures:
        estimator = estimator.learned(history, SETTINGS, figure)

    plain = sum(map(initial.tokens, history))
    assert 0.45 * plain <= sum(map(estimator.tokens, history)) <= 2.1 * plain
    assert estimator.tokens_of_settings(SETTINGS) <= initial.tokens_of_settings(SETTINGS) + 2_100


def test_one_wrong_figure_is_corrected_by_three_right_ones() -> None:
    history, estimator = turns(10, PROSE), Estimator("openai")
    true = request_tokens(estimator, history)
    for figure in [true] * 5 + [true // 2] + [true] * 3:
        estimator = estimator.learned(history, SETTINGS, figure)

    assert request_tokens(estimator, history) == pytest.approx(true, rel=0.05)


def test_learning_is_deterministic_and_leaves_the_original_unchanged() -> None:
    history, estimator = turns(3, PROSE), Estimator("openai")

    learned = estimator.learned(history, SETTINGS, 2_000)
    copies = msgspec.convert(msgspec.to_builtins(history), list[Message])
    learned_from_copies = Estimator("openai").learned(copies, SETTINGS, 2_000)

    assert learned == learned_from_copies
    assert learned != estimator == Estimator("openai")


def test_a_history_that_was_compacted_in_its_middle_is_recounted() -> None:
    history = turns(10, PROSE)
    compacted = [*history[:4], assistant(3, "Yes."), *history[5:]]
    once = Estimator("openai").learned(history, SETTINGS, 5_000)

    with_memory = once.learned(compacted, SETTINGS, 4_000)
    without = Estimator("openai", once.learned_so_far).learned(compacted, SETTINGS, 4_000)

    assert with_memory == without


def test_learning_costs_only_what_is_new_in_the_history() -> None:
    history = turns(2_500, PROSE)
    counted = Estimator("openai").learned(history, SETTINGS, request_tokens(Estimator("openai"), history))

    def spent_s(messages: list[Message], estimator: Estimator) -> float:
        started_at = time.perf_counter()
        estimator.learned(messages, SETTINGS, 1)
        return time.perf_counter() - started_at

    new = [*history, *turns(1, PROSE)]
    again = min(spent_s(new, counted) for _ in range(5))
    first = min(spent_s(new, Estimator("openai")) for _ in range(5))
    assert again < first / 20


# What providers add, by provider


@pytest.mark.parametrize(
    ("provider", "first_tool", "next_tool"),
    [("anthropic", 365, 15), ("bedrock", 365, 15), ("openai", 17, 5), ("cohere", 840, 40), ("google", 4, 4)],
)
def test_tools_cost_what_the_provider_adds_to_them(provider: str, first_tool: int, next_tool: int) -> None:
    estimator, tool = Estimator(provider), Tool(name="look")
    sizes = [settings_sizes(Settings(tools=(tool,) * count), provider) for count in range(3)]

    assert [after.fixed - before.fixed for before, after in pairwise(sizes)] == [first_tool, next_tool]
    assert estimator.tokens_of_settings(Settings(tools=(tool, tool))) > sum(sizes[2]) - 1


def pages(estimated_tokens: int) -> float:
    """How many pages of OpenAI, 1,500 tokens each, an estimate is."""
    return estimated_tokens / 1_500


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"%PDF", 1),
        (b"/Type /Page " * 7 + b"/Type /Pages", 7),
        (b"/Type/Page " * 7 + b"/Type/Pages", 7),
        (b"/Type /Pages " * 3, 1),
        (b"/Type /Page " * 200, 200),
        (b"/Type /Page " * 201, 200),
        (bytes(119_999), 1),
        (bytes(120_000), 2),
    ],
)
def test_the_pages_of_a_document_are_counted_and_guessed_from_its_size_where_none_is_seen(
    data: bytes, expected: int
) -> None:
    document = Document(data=data, media_type="application/pdf")

    assert pages(estimate(document, provider="openai") - estimate(provider="openai")) == pytest.approx(
        expected, abs=0.01
    )


def test_pages_beyond_what_is_looked_at_count_as_often_as_those_before() -> None:
    page = b"/Type /Page" + bytes(1 << 20)
    document = Document(data=page * 8, media_type="application/pdf")

    assert 7 <= pages(estimate(document, provider="openai")) <= 9


def test_pages_are_looked_for_in_the_first_four_megabytes() -> None:
    data = b"/Type /Page " * 10 + bytes((6 << 20) - 120)
    document = Document(data=data, media_type="application/pdf")

    assert pages(estimate(document, provider="openai")) == pytest.approx(15, abs=0.1)


# Compared with figures that providers reported


def second_requests(file: str, api: str) -> list[tuple[RecordedRequest, RecordedRequest]]:
    """Pairs of recorded requests of which the second continues the first."""
    requests = recorded_requests(file, api)
    return [
        (first, second)
        for first in requests
        for second in requests
        if first[1] == second[1] and len(first[0]) < len(second[0]) and second[0][: len(first[0])] == first[0]
    ]


def test_the_estimate_of_the_next_recorded_request_is_close() -> None:
    """Computed as sessions do: the last reported figure plus an estimate of what is new."""
    errors: list[float] = []
    for provider, file, api in APIS:
        estimator = Estimator(provider)
        for (before, _, reported), (after, _, true) in second_requests(file, api):
            estimated = reported + sum(map(estimator.tokens, after[len(before) :]))
            errors.append(abs(estimated - true) / true)
    if not errors:
        pytest.skip("there are no recorded exchanges")

    errors.sort()
    assert median(errors) < 0.1
    assert errors[int(0.9 * len(errors))] < 0.3


def test_the_estimate_of_a_first_recorded_request_is_roughly_right() -> None:
    """Most have less than a hundred tokens, and what providers add to the content has about as many."""
    errors: list[float] = []
    for provider, file, api in APIS:
        estimator = Estimator(provider)
        errors += [
            abs(request_tokens(estimator, messages, settings) - true) / true
            for messages, settings, true in recorded_requests(file, api)
        ]
    if not errors:
        pytest.skip("there are no recorded exchanges")

    assert median(errors) < 0.25
