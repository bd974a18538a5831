"""The parameters of a function: their defaults, references between their types, and what input becomes."""

import enum
import functools
import re
from collections.abc import Callable
from typing import Annotated, Any, cast

import msgspec
import pydantic
import pytest

import rayconteur as rc
from rayconteur.runtime import FunctionTool


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


class Place(msgspec.Struct):
    town: str
    country: str = "Norway"


class Person(pydantic.BaseModel):
    name: str


class Tree(msgspec.Struct):
    children: list["Tree"]


def forecast(town: str, unit: Unit = Unit.CELSIUS) -> str:
    return f"{town} {unit.value}"


def takes(kind: object, default: object = ...) -> FunctionTool:
    """A tool with one parameter, ``given``, of a type."""

    def take(given: object) -> object:
        return given

    take.__annotations__["given"] = kind
    take.__defaults__ = None if default is ... else (default,)
    return rc.tool(take)


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (int, object()),
        (float, float("inf")),
        (list[float], [float("nan")]),
        (str, "\ud800"),
        (list, [object()]),
        (Person | None, object()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_default_that_json_does_not_have_is_left_to_the_function(kind: object, default: object) -> None:
    tool = takes(kind, default)

    assert "default" not in tool.input_schema["properties"]["given"]
    assert tool.input_schema["required"] == []
    assert tool.run.arguments({}) == {}


@pytest.mark.parametrize(
    ("default", "shown"),
    [(Place("Oslo"), {"town": "Oslo", "country": "Norway"}), ((1, 2), [1, 2]), ({2}, [2]), (Unit.CELSIUS, "C")],
    ids=lambda value: type(value).__name__,
)
def test_every_other_default_is_in_the_schema(default: object, shown: object) -> None:
    assert takes(type(default), default).input_schema["properties"]["given"]["default"] == shown


def test_a_default_that_is_a_pydantic_model_is_in_the_schema() -> None:
    schema = takes(list[Person], [Person(name="Corvin")]).input_schema

    assert schema["properties"]["given"]["default"] == [{"name": "Corvin"}]


class Ship(msgspec.Struct, tag=True):
    sails: int


class Train(msgspec.Struct, tag=True):
    cars: int


class Crew(pydantic.BaseModel):
    crew: "list[Crew]"


@pytest.mark.parametrize("kind", [Ship | Train, Tree, Crew, list[Crew], Crew | None], ids=str)
def test_a_schema_is_that_of_an_object_and_refers_only_to_what_it_defines(kind: object) -> None:
    schema = takes(kind).input_schema

    assert schema["type"] == "object"
    assert list(schema["properties"]) == ["given"]
    referred = set(re.findall(r"#/\$defs/(\w+)", str(schema)))
    assert referred == set(schema.get("$defs", {}))


def test_keys_that_are_no_strings_are_read_from_the_strings_that_json_has() -> None:
    assert takes(dict[int, str]).run.arguments({"given": {"1": "a"}}) == {"given": {1: "a"}}


def mixed(
    person: Person,
    place: Place,
    _days: Annotated[int, msgspec.Meta(ge=1)] = 1,
    schema: Annotated[int, pydantic.Field(ge=1, description="Which.")] = 1,
) -> None:
    """Args:
    schema: Not this.
    """
    del person, place, _days, schema


def test_a_parameter_of_pydantic_leaves_the_others_as_they_are() -> None:
    tool = rc.tool(mixed)
    given: dict[str, Any] = {"person": {"name": "Corvin"}, "place": {"town": "Oslo"}}

    assert tool.run.arguments(given) == {"person": Person(name="Corvin"), "place": Place("Oslo")}
    with pytest.raises(msgspec.ValidationError, match=">= 1"):
        tool.run.arguments(given | {"_days": 0})
    with pytest.raises(msgspec.ValidationError, match="greater than or equal to 1 - at `schema`"):
        tool.run.arguments(given | {"schema": 0})
    assert tool.input_schema["properties"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "description": "Which.",
        "default": 1,
    }


def test_a_partial_function_is_a_tool_with_the_parameters_that_are_left() -> None:
    tool = rc.tool(functools.partial(forecast, "Oslo"))

    assert (tool.name, list(tool.input_schema["properties"])) == ("forecast", ["unit"])
    assert tool(**tool.run.arguments({"unit": "F"})) == "Oslo F"


def test_the_type_of_the_result_need_not_be_known() -> None:
    def look(town: "str", days: "int" = 1) -> "Forecast":  # type: ignore[name-defined]  # noqa: F821
        return f"{town} {days}"

    assert list(rc.tool(cast("Callable[..., object]", look)).input_schema["properties"]) == ["town", "days"]
