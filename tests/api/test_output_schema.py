"""The schemas of types: a form that every provider takes, or none."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from msgspec import Meta

from rayconteur.errors import InvalidConfig
from rayconteur.providers.anthropic import rules as anthropic_rules
from rayconteur.providers.openai.rules import schema_format
from rayconteur.runtime.driver.answers.output_type import Misfit, OutputType, output_type_of


class Sky(Enum):
    CLEAR = "clear"
    CLOUDY = "cloudy"


class Place(msgspec.Struct):
    """Where it is."""

    name: str
    height_m: Annotated[float, Meta(ge=0, le=9_000, description="above the sea")] = 0.0


class Flight(msgspec.Struct):
    start: Place
    end: Place


class Weather(msgspec.Struct):
    place: Place
    sky: Sky
    degrees: int | None = None
    warnings: list[Literal["storm", "frost"]] = []


@dataclass
class Bird:
    name: str
    eggs: list[int]


class Nest(pydantic.BaseModel):
    tree: str
    birds: list[str] = pydantic.Field(min_length=1)
    height_m: float = pydantic.Field(gt=0)


@pydantic.dataclasses.dataclass
class Feather:
    color: Literal["black", "white"]


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: int


class Tree(msgspec.Struct):
    name: str
    branches: list["Tree"] = []


class Counts(msgspec.Struct):
    by_name: dict[str, int]


WEATHER = '{"place":{"name":"Oslo","height_m":23.5},"sky":"clear","degrees":null,"warnings":["frost"]}'


def test_a_schema_has_no_references_limits_or_defaults_and_requires_every_property() -> None:
    assert OutputType(Weather).schema == {
        "type": "object",
        "properties": {
            "place": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "height_m": {"type": "number", "description": "above the sea; minimum: 0, maximum: 9000"},
                },
                "required": ["name", "height_m"],
                "additionalProperties": False,
                "description": "Where it is.",
            },
            "sky": {"type": "string", "enum": ["clear", "cloudy"]},
            "degrees": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "warnings": {"type": "array", "items": {"type": "string", "enum": ["frost", "storm"]}},
        },
        "required": ["place", "sky", "degrees", "warnings"],
        "additionalProperties": False,
    }


KINDS: list[tuple[Any, str, Any]] = [
    (Weather, WEATHER, Weather(Place("Oslo", 23.5), Sky.CLEAR, None, ["frost"])),
    (Bird, '{"name":"Hugin","eggs":[1]}', Bird("Hugin", [1])),
    (Nest, '{"tree":"oak","birds":["Hugin"],"height_m":3}', Nest(tree="oak", birds=["Hugin"], height_m=3)),
    (Flight, '{"start":{"name":"oak"},"end":{"name":"elm"}}', Flight(Place("oak"), Place("elm"))),
    (Feather, '{"color":"black"}', Feather("black")),
    (Cat | Dog, '{"value":{"type":"Dog","tricks":2}}', Dog(2)),
    (list[Bird], '{"value":[{"name":"Hugin","eggs":[]}]}', [Bird("Hugin", [])]),
    (int, '{"value":7}', 7),
    (Literal["yes", "no"], '{"value":"no"}', "no"),
    (Tree, '{"name":"oak","branches":[{"name":"twig"}]}', Tree("oak", [Tree("twig")])),
    (Counts, '{"by_name":{"Hugin":1}}', Counts({"Hugin": 1})),
]


@pytest.mark.parametrize(("kind", "text", "value"), KINDS)
def test_an_answer_becomes_a_value_of_each_kind_of_type(kind: Any, text: str, value: object) -> None:
    output = OutputType(kind)

    assert output.value(text) == output.value(f"\n```json\n{text}\n```\n") == value


@pytest.mark.parametrize("kind", [kind for kind, _, _ in KINDS if kind not in (Tree, Counts)])
def test_a_schema_keeps_the_rules_of_anthropic_and_of_openai_s_strict_mode(kind: Any) -> None:
    schema = OutputType(kind).schema

    assert schema is not None
    assert schema_format(schema)["strict"] is True
    anthropic_rules._check_closed(schema, "output_schema")  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("kind", [Tree, Counts, tuple[int, str], dict[str, int], list[Any], Any])
def test_a_type_without_a_form_that_every_provider_takes_has_no_schema(kind: Any) -> None:
    assert OutputType(kind).schema is None


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (Weather, "Sunny.", "malformed"),
        (Weather, "", "truncated"),
        (Weather, WEATHER.replace("23.5", "-1"), "Expected `float` >= 0.0 - at `$.place.height_m`"),
        (Weather, WEATHER.replace("clear", "green"), "Invalid enum value 'green' - at `$.sky`"),
        (Nest, '{"tree":"oak","birds":[],"height_m":0}', "at least 1 item"),
        (Nest, '{"tree":"oak","birds":[7],"height_m":1}', "Input should be a valid string - at `$.birds[0]`"),
        (Nest, "Sunny.", "Invalid JSON"),
        (int, "7", "Expected `object`, got `int`"),
        (int, '{"value":"seven"}', "Expected `int`, got `str`"),
    ],
)
def test_a_text_that_is_no_value_of_the_type_is_a_misfit_with_the_place(kind: Any, text: str, problem: str) -> None:
    with pytest.raises(Misfit) as raised:
        OutputType(kind).value(text)

    assert problem in str(raised.value)


NO_TYPES: list[Any] = [object, type(print), 7]


@pytest.mark.parametrize("kind", NO_TYPES)
def test_a_type_without_a_schema_is_rejected(kind: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"^output_type: give a msgspec Struct, a dataclass or a pydantic model"):
        OutputType(kind)


class _Bird(pydantic.BaseModel):
    name: str


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (list[_Bird], '{"value": [{"name": "raven"}]}', [_Bird(name="raven")]),
        (_Bird | None, '{"value": null}', None),
        (dict[str, _Bird], '{"a": {"name": "raven"}}', {"a": _Bird(name="raven")}),
    ],
)
def test_a_type_made_of_pydantic_models_is_an_output_type(kind: Any, text: str, value: object) -> None:
    assert output_type_of(kind).value(text) == value
    with pytest.raises(Misfit, match="name"):
        output_type_of(kind).value(text.replace('"raven"', "7").replace("null", "{}"))


@pytest.mark.parametrize("kind", [[int], {"type": "object"}, (int, [int])])
def test_a_value_in_the_place_of_an_output_type_is_rejected(kind: Any) -> None:
    with pytest.raises(InvalidConfig, match="give a") as raised:
        output_type_of(kind)

    assert raised.value.field == "output_type"
