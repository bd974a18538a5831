"""What a tool returns, and what the model reads of it."""

import dataclasses
import datetime

import msgspec
import pydantic
import pytest

import rayconteur as rc
from rayconteur.providers.schema.content import UserBlock
from rayconteur.runtime.tools.results import result_of

USE = rc.ToolUse("a", "look", {})
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)
IMAGE = rc.Image(data=PNG, media_type="image/png")


class Nest(msgspec.Struct):
    eggs: int


@dataclasses.dataclass
class Tower:
    height: float


class Raven(pydantic.BaseModel):
    name: str
    born: datetime.date


CIRCULAR: list[object] = []
CIRCULAR.append(CIRCULAR)


class Numbers:
    """As NumPy's numbers and arrays are."""

    def __init__(self, plain: object) -> None:
        self.plain = plain

    def tolist(self) -> object:
        return self.plain


def nested(depth: int) -> list[object]:
    inside: list[object] = []
    for _ in range(depth):
        inside = [inside]
    return inside


class Odd:
    def __str__(self) -> str:
        return "something odd"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two ravens", "two ravens"),
        ("", ""),
        (None, "No result."),
        (2, "2"),
        (2.5, "2.5"),
        (True, "true"),
        ({"ravens": 2}, '{"ravens":2}'),
        ({1: {"a"}}, '{"1":["a"]}'),
        ([1, "two"], '[1,"two"]'),
        ([], "[]"),
        (["one", "two"], '["one","two"]'),
        ((1, 2), "[1,2]"),
        (Nest(2), '{"eggs":2}'),
        ([Tower(2.5)], '[{"height":2.5}]'),
        (Raven(name="Munin", born=datetime.date(2026, 1, 2)), '{"name":"Munin","born":"2026-01-02"}'),
        ([Raven(name="Munin", born=datetime.date(2026, 1, 2))], '[{"name":"Munin","born":"2026-01-02"}]'),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (Odd(), "something odd"),
        ({"sizes": Numbers([1, 2]), "mean": Numbers(1.5)}, '{"sizes":[1,2],"mean":1.5}'),
        ({(1, 2): Odd()}, '{"(1, 2)":"something odd"}'),
        (CIRCULAR, "[[...]]"),
        (ValueError("no ravens"), "no ravens"),
        (b"caw", "caw"),
        ("caw \ud800", "caw \\ud800"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_value_has_a_text(value: object, text: str) -> None:
    result = result_of(USE, value, 1_000)

    assert result == rc.ToolResult("a", (rc.Text(text),))


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (IMAGE, (IMAGE,)),
        (PNG, (IMAGE,)),
        (["a nest:", IMAGE], (rc.Text("a nest:"), IMAGE)),
        ((rc.Text("a nest"),), (rc.Text("a nest"),)),
        (rc.ToolResult("a", (IMAGE,), is_error=True), (IMAGE,)),
        (b"%PDF-1.4 ravens", (rc.Document(data=b"%PDF-1.4 ravens", media_type="application/pdf"),)),
    ],
    ids=["image", "bytes of an image", "text and image", "blocks", "result", "bytes of a PDF"],
)
def test_images_documents_and_blocks_stay_what_they_are(value: object, content: tuple[UserBlock, ...]) -> None:
    assert result_of(USE, value, 1_000).content == content


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (rc.ToolResult("b", ()), "'b', not of 'a'"),
        (b"\xff\x00\xfe", "neither an image, a PDF nor text"),
        (nested(100_000), "a list without a text: RecursionError"),
        (10**5_000, "a int without a text: ValueError"),
    ],
    ids=["of another use", "bytes", "nested too deeply", "too many digits"],
)
def test_what_has_no_form_is_an_error_for_the_model(value: object, problem: str) -> None:
    result = result_of(USE, value, 1_000)

    assert (result.tool_use_id, result.is_error) == ("a", True)
    assert problem in str(result.content)


@pytest.mark.parametrize("text", ["x" * 50, "ä" * 25])
def test_text_beyond_the_limit_is_cut_with_a_note_of_its_size(text: str) -> None:
    whole, cut = (result_of(USE, text, limit).content for limit in (50, 49))

    assert whole == (rc.Text(text),)
    (block,) = cut
    assert isinstance(block, rc.Text)
    assert block.text == text[: 49 // len(text[0].encode())] + "\n[cut off here: the text has 50 bytes]"


def test_the_limit_is_that_of_all_texts_of_a_result() -> None:
    result = result_of(USE, [rc.Text("x" * 30), IMAGE, rc.Text("y" * 30)], 40)

    assert result.content == (rc.Text("x" * 30), IMAGE, rc.Text("y" * 10 + "\n[cut off here: the text has 30 bytes]"))
