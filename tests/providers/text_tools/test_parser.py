"""Tool uses in the text of answers: what is one, what only looks like one, and what is in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.text_tools.instructions import use_text
from rayconteur.providers.text_tools.parser import Over, Piece, ToolUseParser, Unfinished, UseEnded, UseStarted

FLY = {
    "type": "object",
    "properties": {
        "to": {"type": "string"},
        "height": {"type": "integer"},
        "speed": {"type": "number"},
        "high": {"type": "boolean"},
        "over": {"type": "array", "items": {"type": "string"}},
        "wind": {"$ref": "#/$defs/Wind"},
        "why": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "load": {"type": ["integer", "string"]},
        "mode": {"enum": [1, 2]},
    },
    "$defs": {"Wind": {"type": "object"}},
}
TOOLS = {"fly": FLY}
CALL = '<tool_use name="fly">\n<parameter name="to">Oslo</parameter>\n</tool_use>'
FLOWN = (UseStarted("fly"), UseEnded({"to": "Oslo"}, '\n<parameter name="to">Oslo</parameter>\n'))


def parsed(*texts: str, max_calls: int = 10) -> list[Piece]:
    """The pieces of an answer that arrives as *texts*, adjacent strings as one."""
    parser = ToolUseParser(TOOLS, max_calls)
    found: list[Piece] = []
    for piece in [piece for text in texts for piece in parser.feed(text)] + parser.finish():
        if isinstance(piece, str) and found and isinstance(last := found[-1], str):
            found[-1] = last + piece
        else:
            found.append(piece)
    return found


def input_of(body: str) -> dict[str, Any] | str | None:
    """The input between the tags, or what is wrong with it."""
    match parsed(f'<tool_use name="fly">{body}</tool_use>'):
        case [UseStarted(), UseEnded(input=found, problem=problem)]:
            return problem or found
        case other:
            raise AssertionError(other)


def test_text_around_tool_uses_is_for_the_reader_and_white_space_between_them_is_not() -> None:
    assert parsed(f"I fly. \n\n{CALL}\n\n{CALL}\n Done.\n") == ["I fly.", *FLOWN, *FLOWN, "Done.\n"]


@pytest.mark.parametrize(
    "text",
    [
        " a < b, <b>c</b> <tool_users> <tool_use> </tool_use> <tool_use name=fly> ",
        f"```xml\n{CALL}\n```\n",
        f"- so:\n\n  ~~~~\n~~~\n{CALL}\n  ~~~~",
        'Write `<tool_use name="fly">` to fly.',
        '<tool_use name="fly" name="swim">',
        "<tool_result>",
        "<tool_use na",
        "<tool_use " + "x" * 400 + '="1" name="fly">',
    ],
)
def test_what_only_looks_like_a_tool_use_is_text(text: str) -> None:
    assert parsed(text) == [text]


def test_a_tool_use_after_code_is_one() -> None:
    assert parsed(f"```\n{CALL}\n```\n{CALL}") == [f"```\n{CALL}\n```", *FLOWN]
    assert parsed(f"`a` and ```b```\n{CALL}") == ["`a` and ```b```", *FLOWN]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("", {}),
        ('<parameter name="to">\na < b && c\n</parameter>', {"to": "a < b && c"}),
        ("<parameter name='to'>&lt;b&gt; &amp;amp; &nbsp; &#65;&#x42;</parameter>", {"to": "<b> &amp; &nbsp; AB"}),
        ('<parameter name="to">\n<![CDATA[</parameter>&lt;\n]]>\n</parameter>', {"to": "</parameter>&lt;\n"}),
        ('<parameter name="to">a&lt;<![CDATA[<]]>b</parameter>', {"to": "a<<b"}),
        ('<parameter name="to"></parameter><parameter name="why"/>', {"to": "", "why": ""}),
        ('<parameter name="to">7</parameter><parameter name="height"> 7 </parameter>', {"to": "7", "height": 7}),
        ('<parameter name="speed">7</parameter><parameter name="high">True</parameter>', {"speed": 7, "high": True}),
        ('<parameter name="over">["a"]</parameter><parameter name="wind">{}</parameter>', {"over": ["a"], "wind": {}}),
        ('<parameter name="why">null</parameter><parameter name="load">7</parameter>', {"why": None, "load": "7"}),
        ('<parameter name="load" type="json">7</parameter>', {"load": 7}),
        ('<parameter name="mode">2</parameter><parameter name="new">7</parameter>', {"mode": 2, "new": "7"}),
        ('\n{"to": "Oslo", "height": 7}\n', {"to": "Oslo", "height": 7}),
    ],
)
def test_values_are_strings_or_json_as_the_schema_says(body: str, found: dict[str, Any]) -> None:
    assert input_of(body) == found


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<parameter name="height">high</parameter>', "the parameter 'height' must be an integer"),
        ('<parameter name="height">7.5</parameter>', "the parameter 'height' must be an integer"),
        ('<parameter name="height">true</parameter>', "the parameter 'height' must be an integer"),
        ('<parameter name="height"/>', "the parameter 'height' must be an integer"),
        (f'<parameter name="speed">{"9" * 400}</parameter>', "the parameter 'speed' must be a number"),
        ('<parameter name="high">yes</parameter>', "the parameter 'high' must be true or false"),
        ('<parameter name="over">a, b</parameter>', "the parameter 'over' must be a JSON array"),
        ('<parameter name="wind">{"a":</parameter>', "the parameter 'wind' must be a JSON object"),
        ('<parameter name="to" type="json">7</parameter>', "the parameter 'to' must be a string"),
        ('<parameter name="to">a</parameter><parameter name="to">b</parameter>', "the parameter 'to' is in it twice"),
        ("<parameter>a</parameter>", "one of its parameters has no name"),
        ("<to>Oslo</to>", "there is something else than parameters in it"),
        ('<parameter name="to">a</parameter>{}', "there is something else than parameters in it"),
        ('{"to": "Oslo",}', "its input is not a JSON object"),
    ],
)
def test_what_does_not_fit_is_a_problem_and_never_guessed(body: str, problem: str) -> None:
    assert input_of(body) == problem


def test_a_tool_use_that_is_not_closed_is_unfinished() -> None:
    assert parsed(CALL[:-3]) == [UseStarted("fly"), Unfinished(CALL[21:-3])]
    assert parsed('<tool_use name="fly"><parameter name="to"><![CDATA[</tool_use>') == [
        UseStarted("fly"),
        Unfinished('<parameter name="to"><![CDATA[</tool_use>'),
    ]


def test_nothing_is_read_after_the_last_tool_use_or_from_an_invented_result_on() -> None:
    assert parsed(f"{CALL}\n{CALL}\n", max_calls=2) == [*FLOWN, *FLOWN]
    assert parsed(f"{CALL}\n{CALL}\nNow", max_calls=1) == [*FLOWN, Over("limit")]
    assert parsed(f'{CALL} Look: <tool_result name="fly">there</tool_result>') == [*FLOWN, "Look:", Over("invented")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["null", "7", "]]>", "</parameter>", "<![CDATA[", "\n", " a", "&lt;", "a\r\n", "true", '"a"', "]]]]><![CDATA[>"]
)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
FITTING = st.fixed_dictionaries(
    {},
    optional={
        "to": TEXTS,
        "height": st.integers(-(2**63), 2**64 - 1),
        "speed": NUMBERS,
        "high": st.booleans(),
        "over": st.lists(TEXTS, max_size=3),
        "wind": st.dictionaries(TEXTS, VALUES, max_size=2),
        "why": TEXTS | st.none(),
        "load": TEXTS | st.integers(0, 9),
        "mode": st.sampled_from([1, 2]),
        "new": VALUES,
    },
)


def read_back(value: dict[str, Any], schema: dict[str, Any]) -> list[Piece]:
    parser = ToolUseParser({"fly": schema}, 1)
    return [*parser.feed(use_text("fly", value, schema)), *parser.finish()]


@given(FITTING, st.dictionaries(TEXTS | st.sampled_from(["a b", "<\n\t\"'>&", ""]), VALUES, max_size=3))
def test_every_input_that_is_written_is_read_as_it_was(fitting: dict[str, Any], any_input: dict[str, Any]) -> None:
    for value, schema in ((fitting, FLY), (fitting, {}), (any_input, {})):
        match read_back(value, schema):
            case [UseStarted("fly"), UseEnded(input=found, problem=None)]:
                assert found == value
                assert list(map(type, found.values())) == list(map(type, value.values()))
            case other:
                raise AssertionError(other)


PIECES = st.sampled_from(
    [CALL, "<tool_use", ' name="fly">', "</tool_use>", "<parameter", ' name="to">', "</parameter>", "<![CDATA[", "]]>",
     "`", "```", "\n", " ", "<", ">", "Oslo", "{", "}", '"', "<tool_result>", "/", ' type="json"', "~~~", "&lt;"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join), st.integers(1, 3), st.data())
def test_it_makes_no_difference_where_the_text_is_cut(text: str, max_calls: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    texts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    whole = parsed(text, max_calls=max_calls)

    assert parsed(*texts, max_calls=max_calls) == parsed(*text, max_calls=max_calls) == whole
