"""The schemas of function tools, whatever their types, in the request to every provider."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

import msgspec
import pydantic
import pytest
from checkers.endpoints import current_endpoints
from hypothesis import given, settings
from hypothesis import strategies as st

import rayconteur as rc
from rayconteur.providers import Request, Settings
from rayconteur.providers.schema.messages import Role

ENDPOINTS = current_endpoints()
COMBINATORS = {"anyOf", "oneOf", "allOf", "not", "enum", "$ref"}
"""What OpenAI and Anthropic reject at the top of a schema of a tool."""


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Place(msgspec.Struct):
    name: str
    height_m: Annotated[int, msgspec.Meta(ge=0, description="above the sea")] = 0


class Nest(msgspec.Struct, tag="nest"):
    place: Place
    inside: "list[Nest]" = []


class Flock(msgspec.Struct, tag="flock"):
    size: int
    nests: list[Nest]


@dataclasses.dataclass
class Span:
    first: datetime.date
    last: datetime.date | None = None


class Person(pydantic.BaseModel):
    name: str
    friends: "list[Person]" = []
    born: Span | None = None


LEAVES: tuple[Any, ...] = (
    *(str, int, float, bool, bytes, datetime.datetime, datetime.date, uuid.UUID, Decimal, Any),
    *(Unit, Level, Literal["a", "b"], Literal[1, 2] | None, Place, Nest, Flock, Nest | Flock, Span, Person),
    Annotated[str, "a town"],
    Annotated[str, msgspec.Meta(min_length=1, max_length=20)],
    Annotated[float, msgspec.Meta(gt=0, multiple_of=0.5)],
    dict[str, Any],
)


def list_of(kind: Any) -> Any:
    made_of: Any = list
    return made_of[kind]


def dict_of(kind: Any) -> Any:
    made_of: Any = dict
    return made_of[str, kind]


def pair_of(kind: Any) -> Any:
    made_of: Any = tuple
    return made_of[kind, int]


def optional(kind: Any) -> Any:
    return kind if kind is Any else kind | None


def struct_of(kind: Any) -> Any:
    return msgspec.defstruct("Made", [("value", kind), ("more", list_of(kind), [])])


def dataclass_of(kind: Any) -> Any:
    return dataclasses.make_dataclass("MadeData", [("value", kind)])


def _nested(types: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    makers = (list_of, dict_of, pair_of, optional, struct_of, dataclass_of)
    return st.one_of([types.map(make) for make in makers])


TYPES = st.recursive(st.sampled_from(LEAVES), _nested, max_leaves=4)


def made(kinds: list[Any]) -> rc.Tool:
    """A tool with a parameter of each of *kinds*, the last of which has a default."""
    names = [f"value_{number}" for number in range(len(kinds))]
    code = f"def look({', '.join(names[:-1] + [f'{name}=None' for name in names[-1:]])}): ..."
    scope: dict[str, Any] = {}
    exec(code, scope)
    function = scope["look"]
    function.__annotations__ = dict(zip(names, kinds, strict=True))
    return rc.tool(function)


def tool_with(kinds: list[Any]) -> rc.Tool | None:
    """The same; ``None`` if one has no schema, or two are of one name."""
    try:
        return made(kinds)
    except rc.errors.InvalidConfig:
        return None


def schemas_in(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield cast("dict[str, Any]", value)
        for each in cast("dict[str, object]", value).values():
            yield from schemas_in(each)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from schemas_in(item)


def check(tool: rc.Tool) -> None:
    """The schema of *tool* is one that every provider takes, and so are the requests with it."""
    schema = tool.input_schema
    assert schema["type"] == "object"
    assert not COMBINATORS & schema.keys()
    defined = {f"#/$defs/{name}" for name in schema.get("$defs", {})}
    for each in schemas_in(schema):
        if isinstance(reference := each.get("$ref"), str):
            assert reference in defined
    question = rc.Message(role=Role.USER, content=(rc.Text("Hi"),), turn=1)
    for name, endpoint in ENDPOINTS.items():
        request = Request(number=1, messages=(question,), settings=Settings(max_output_tokens=100, tools=(tool,)))
        assert endpoint.violations(msgspec.json.decode(endpoint.body(request))) == [], name


@pytest.mark.parametrize("kind", LEAVES, ids=str)
def test_no_provider_rejects_a_tool_with_such_a_parameter(kind: Any) -> None:
    tool = tool_with([kind, kind])

    assert tool is not None
    check(tool)


def test_different_types_of_one_name_are_rejected_where_the_tool_is_written() -> None:
    def bird(kind: Any) -> Any:
        return dataclasses.make_dataclass("Bird", [("value", kind)])

    def recursive(field: str) -> Any:
        model: Any = cast(Any, pydantic).create_model("Bird", **{field: (int, 0), "young": ("list[Bird]", [])})
        model.model_rebuild(_types_namespace={"Bird": model})
        return model

    for kinds, place in (
        ([bird(bird(int))], "tool.look.value_0"),
        ([bird(int), bird(str)], "tool.look"),
        ([recursive("wings"), recursive("eggs")], "tool.look.value_1"),
    ):
        with pytest.raises(rc.errors.InvalidConfig, match=f"{place}: .*called Bird.*rename one"):
            made(kinds)


@settings(max_examples=100)
@given(st.lists(TYPES, max_size=3))
def test_no_provider_rejects_a_tool_with_types_in_each_other(kinds: list[Any]) -> None:
    if tool := tool_with(kinds):
        check(tool)
