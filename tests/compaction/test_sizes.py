"""What our own count of a message comes to, kind by kind, before any provider has counted it."""

from typing import Any

import msgspec
import pytest
from builders.compaction import assistant, user

from rayconteur.compaction.estimate.sizes import Sizes, message_sizes, settings_sizes
from rayconteur.providers.registry import token_costs
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.schema.request import Settings
from rayconteur.providers.schema.tools import Tool

OVERHEAD = token_costs("openai").message
REQUEST = token_costs("openai").request
PROSE = "ravens" * 50
TOOL = Tool(name="look", description="Look.", input_schema={"type": "object"})
RAVEN = Image(url="https://example.org/raven.png")


def about(tokens: float) -> float:
    """A number that equals *tokens* whatever the order in which floats were added."""
    approximation: Any = pytest.approx(tokens)
    equal: float = approximation
    return equal


def sizes(*content: Block | str) -> Sizes:
    """The sizes of a message of *content*, without the overhead of a message."""
    counted = message_sizes(user(1, *content), "openai")
    assert counted.fixed == OVERHEAD
    return counted._replace(fixed=0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Sizes()),
        ("a" * 44, Sizes(prose=10)),
        ("a" * 94 + ";" * 6, Sizes(prose=about(100 / 4.4))),
        ("a" * 93 + ";" * 7, Sizes(code=about(100 / 3.4))),
        ("鴉" * 10, Sizes(other=about(30 / 3.2))),
        ("é" + "a" * 44, Sizes(prose=10, other=about(2 / 3.2))),
    ],
    ids=["nothing", "prose", "6 % of code", "7 % of code", "other scripts", "both"],
)
def test_a_text_counts_by_its_kind(text: str, expected: Sizes) -> None:
    assert sizes(text) == expected
    assert sizes(text, "") == expected
    assert sizes(Thinking(text=text, provider="openai"), "") == expected


@pytest.mark.parametrize("text", [PROSE, PROSE * 1_000])
def test_the_text_of_a_result_counts_with_the_frame_around_it(text: str) -> None:
    assert sizes(ToolResult("a", (Text(text),))) == Sizes(prose=about(len(text) / 4.4), code=about(16 / 3.4))


def test_the_kind_of_a_long_text_is_that_of_its_beginning_and_its_middle() -> None:
    code, prose = "{}[];" * 800, "raven" * 800

    assert sizes(code + prose).code == about(8_000 / 3.4)
    assert sizes(prose + code).code == about(8_000 / 3.4)
    assert sizes(prose + prose + code[:2_000]).prose == about(10_000 / 4.4)
    assert sizes("a" * 3_760 + ";" * 240).prose == about(4_000 / 4.4)
    assert sizes("a" * 1_500 + ";" * 150 + "a" * 1_350).prose == about(3_000 / 4.4)  # read once, as a whole


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (ToolUse("a", "look", {"at": 1}), Sizes(code=about((8 + 4 + 16) / 3.4))),
        (ToolUse("a", "look", {}, malformed='{"at":'), Sizes(code=about((6 + 4 + 16) / 3.4))),
        (Opaque(provider="openai", type="search", json=b"x" * 80), Sizes(code=10)),
        (Thinking(text="", provider="openai", signature="s" * 80, redacted=True), Sizes(code=10)),
        (Thinking(text="", provider="openai", redacted=True), Sizes()),
        (Document(data=b"a" * 44, media_type="text/plain"), Sizes(prose=10)),
    ],
    ids=["tool use", "malformed", "opaque", "redacted", "redacted without signature", "plain text"],
)
def test_a_block_counts_by_its_kind(block: Block, expected: Sizes) -> None:
    assert sizes(block) == expected
    assert sizes("a" * 44, block) == expected._replace(prose=expected.prose + 10)


@pytest.mark.parametrize(
    "document",
    [
        Document(data=b"%PDF", media_type="application/pdf"),
        Document(url="https://example.org/ravens.pdf"),
        Document(url="https://example.org/ravens.txt", media_type="text/plain"),
    ],
)
def test_a_document_counts_as_its_pages_unless_it_is_plain_text(document: Document) -> None:
    assert sizes(document) == Sizes(media=token_costs("openai").page)


def test_media_count_in_messages_and_in_results_of_tools() -> None:
    alone = sizes(RAVEN).media

    assert alone == token_costs("openai").image(1_024, 1_024)
    assert sizes(RAVEN, RAVEN, ToolResult("a", (RAVEN, Text("")))).media == 3 * alone


def test_every_block_counts_wherever_it_is() -> None:
    use, text = ToolUse("a", "look", {"at": 1}), Text("a" * 44)

    assert sizes(use, text) == sizes(text, use)
    assert sizes(use, text).prose == 10


def test_what_a_provider_s_own_compaction_wrote_counts_whole() -> None:
    summary = Message(
        role=Role.ASSISTANT,
        content=(Opaque(provider="openai", type="compaction", json=b"x" * 50), Text("not counted")),
        turn=1,
        stands_for=StandsFor(first_turn=1, last_turn=1, messages=2),
    )

    assert message_sizes(summary, "openai") == Sizes(code=10, fixed=OVERHEAD)
    assert message_sizes(assistant(1, *summary.content), "openai").code == about(50 / 8)


def test_settings_count_the_prompt_each_tool_and_the_output_schema() -> None:
    costs, schema = token_costs("openai"), {"type": "object"}

    def tokens_in_schema(*values: object) -> float:
        return sum(len(msgspec.json.encode(value)) for value in values) / costs.schema_bytes_per_token

    assert settings_sizes(Settings(), "openai") == Sizes(fixed=REQUEST)
    assert settings_sizes(Settings(system="a" * 44), "openai") == Sizes(prose=10, fixed=REQUEST)
    assert settings_sizes(Settings(output_schema=schema), "openai") == Sizes(
        code=about(tokens_in_schema(schema)), fixed=REQUEST
    )
    assert settings_sizes(Settings(tools=(TOOL, TOOL), output_schema=schema), "openai") == Sizes(
        code=about(tokens_in_schema((TOOL, TOOL), schema)), fixed=REQUEST + costs.tools + 2 * costs.tool
    )


def test_sizes_are_added_kind_by_kind() -> None:
    assert Sizes(1, 2, 3, 4, 5).plus(Sizes(10, 20, 30, 40, 50)) == Sizes(11, 22, 33, 44, 55)
