"""The definition that a function gives: its name, its description and the JSON Schema of its parameters."""

import copy
import dataclasses
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import msgspec
import pydantic
import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import FunctionTool
from rayconteur.runtime.driver.calls.tool_runs import checked_functions

AnyFunction = Callable[..., object]


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


class Place(msgspec.Struct):
    town: str
    country: str = "Norway"


@dataclasses.dataclass
class Span:
    days: int


class Person(pydantic.BaseModel):
    name: str


def google_style(town: str, unit: Unit = Unit.CELSIUS) -> str:
    """The weather in a town.

    Today's.

    Args:
        town: Its name,
            in English.
        unit: What it is measured in.
    """
    return f"{town} {unit.value}"


def numpy_style(town: str) -> str:
    """The weather in a town.

    Parameters
    ----------
    town : str
        Its name.
    """
    return town


def rest_style(town: str) -> str:
    """The weather in a town.

    :param town: Its name.
    """
    return town


def test_name_description_and_parameters_come_from_the_function() -> None:
    tool = rc.tool(google_style)

    assert (tool.name, tool.description) == ("google_style", "The weather in a town.\n\nToday's.")
    assert tool.input_schema == {
        "type": "object",
        "properties": {
            "town": {"type": "string", "description": "Its name, in English."},
            "unit": {"enum": ["C", "F"], "description": "What it is measured in.", "default": "C"},
        },
        "required": ["town"],
        "additionalProperties": False,
    }
    assert tool("Oslo") == "Oslo C"


@pytest.mark.parametrize("function", [numpy_style, rest_style])
def test_every_style_of_docstrings_is_read(function: Callable[[str], str]) -> None:
    tool = rc.tool(function)

    assert tool.description == "The weather in a town."
    assert tool.input_schema["properties"]["town"]["description"] == "Its name."


def test_an_annotation_and_the_options_go_before_the_docstring() -> None:
    @rc.tool(name="forecast", description="What it will be like.", ends_turn=True, deferred=True)
    def weather(
        town: Annotated[str, "A town."], days: Annotated[int, msgspec.Meta(ge=1, description="How many.")] = 1
    ) -> str:
        """Args:
        town: Not this.
        days: Nor this.
        """
        return town * days

    assert (weather.name, weather.description, weather.ends_turn, weather.deferred) == (
        "forecast",
        "What it will be like.",
        True,
        True,
    )
    assert weather.input_schema["properties"] == {
        "town": {"type": "string", "description": "A town."},
        "days": {"type": "integer", "minimum": 1, "description": "How many.", "default": 1},
    }


def test_structs_and_dataclasses_are_part_of_the_schema_and_arrive_as_such() -> None:
    def travel(place: Place, spans: list[Span], how: Literal["train", "ship"] = "train") -> str:
        return f"{place.town}, {place.country}: {sum(span.days for span in spans)} by {how}"

    tool = rc.tool(travel)

    assert "$ref" not in str(tool.input_schema)
    assert tool.input_schema["properties"]["place"]["properties"]["country"] == {"type": "string", "default": "Norway"}
    arguments = tool.run.arguments({"place": {"town": "Oslo"}, "spans": [{"days": 2}, {"days": 3}]})
    assert tool(**arguments) == "Oslo, Norway: 5 by train"


def test_pydantic_models_are_part_of_the_schema_and_arrive_as_such() -> None:
    def greet(people: Annotated[list[Person], "Who."], loud: bool = False) -> str:
        return ", ".join(person.name for person in people) + "!" * loud

    tool = rc.tool(greet)

    assert tool.input_schema == {
        "type": "object",
        "properties": {
            "people": {
                "type": "array",
                "description": "Who.",
                "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
            },
            "loud": {"type": "boolean", "default": False},
        },
        "required": ["people"],
        "additionalProperties": False,
    }
    assert tool(**tool.run.arguments({"people": [{"name": "Corvin"}]})) == "Corvin"
    with pytest.raises(msgspec.ValidationError, match=r"people\.0\.name"):
        tool.run.arguments({"people": [{"name": 1}]})


def test_a_recursive_type_keeps_its_references() -> None:
    tool = rc.tool(count)

    assert "$defs" in tool.input_schema
    assert tool(**tool.run.arguments({"tree": {"children": [{"children": []}]}})) == 2


class Tree(msgspec.Struct):
    children: list["Tree"]


def count(tree: Tree) -> int:
    return 1 + sum(map(count, tree.children))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "missing required field `town`"),
        ({"town": 2}, r"Expected `str`, got `int` - at `\$.town`"),
        ({"town": "Oslo", "unit": "K"}, "Invalid enum value"),
        ({"town": "Oslo", "day": 1}, "unknown field `day`"),
    ],
)
def test_input_that_does_not_fit_is_rejected_with_the_place(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=problem):
        rc.tool(google_style).run.arguments(given)


class Home:
    def __init__(self, town: str) -> None:
        self.town = town

    @rc.tool
    def weather(self, days: int) -> str:
        """The weather at home."""
        return f"{self.town} {days}"

    def plan(self, days: int) -> str:
        return f"plan {self.town} {days}"

    @staticmethod
    @rc.tool
    def anywhere(town: str) -> str:
        return town


def test_methods_are_tools_of_their_instance() -> None:
    home, away = Home("Oslo"), Home("Rome")

    assert isinstance(home.weather, FunctionTool)
    assert list(home.weather.input_schema["properties"]) == ["days"]
    assert (home.weather(2), away.weather(3)) == ("Oslo 2", "Rome 3")
    assert home.weather.run.function(**home.weather.run.arguments({"days": 4})) == "Oslo 4"
    assert rc.tool(home.plan)(1) == "plan Oslo 1"
    assert Home.anywhere("Rome") == "Rome"


def test_what_is_not_given_has_the_default_of_the_function() -> None:
    default = ["a"]

    def collect(word: str, words: list[str] = default) -> list[str]:
        return [*words, word] if words is default else []

    tool = rc.tool(collect)

    assert tool.input_schema["properties"]["words"]["default"] == ["a"]
    assert tool(**tool.run.arguments({"word": "b"})) == ["a", "b"]


def either(given: Person | Place) -> None:
    del given


def untyped(town) -> None:  # type: ignore[no-untyped-def]
    del town


def with_object(thing: "threading_lock") -> None:  # type: ignore[name-defined]  # noqa: F821
    del thing


def with_rest(*towns: str) -> None:
    del towns


def with_complex(number: complex) -> None:
    del number


@pytest.mark.parametrize(
    ("make", "field", "advice"),
    [
        (lambda: rc.tool(cast(AnyFunction, untyped)), "tool.untyped.town", "annotate"),
        (lambda: rc.tool(with_rest), "tool.with_rest.towns", "by keyword"),
        (lambda: rc.tool(with_complex), "tool.with_complex.number", "no JSON Schema"),
        (lambda: rc.tool(cast(AnyFunction, with_object)), "tool.with_object", "threading_lock"),
        (lambda: rc.tool(timeout_s=0)(google_style), "tool.timeout_s", "above 0"),
        (lambda: rc.tool(timeout_s="3")(google_style), "tool.timeout_s", "above 0"),  # type: ignore[call-overload]
        (lambda: rc.tool(parallel="no")(google_style), "tool.parallel", "True or False"),  # type: ignore[call-overload]
        (lambda: rc.tool(name=3)(google_style), "tool.name", "`str`"),  # type: ignore[call-overload]
        (lambda: rc.tool(either), "tool.either.given", "no JSON Schema"),
        (lambda: rc.SessionConfig(provider="scripted:m", tools=(Home.weather,)), "config.tools[0]", "of an instance"),
        (lambda: checked_functions([Home.weather]), "tools", "of an instance"),
        (
            lambda: rc.Configure(tools=(msgspec.structs.replace(rc.tool(rest_style), name="other"),)),
            "message.tools[0]",
            "rayconteur.tool(name=...)",
        ),
        (lambda: rc.tool(3), "tool", "give a function"),  # type: ignore[call-overload]
        (lambda: rc.tool(staticmethod(google_style)), "tool", "@staticmethod above"),
        (lambda: rc.SessionConfig(provider="scripted:m", tools=(google_style,)), "config.tools[0]", "@rayconteur.tool"),  # type: ignore[arg-type]
        (
            lambda: rc.SessionConfig(provider="scripted:m", tools=(rc.tool(rest_style), rc.Tool(name="rest_style"))),
            "config.tools",
            "more than one tool",
        ),
    ],
)
def test_a_function_that_can_not_be_a_tool_is_rejected_where_it_is_written(
    make: Callable[[], object], field: str, advice: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        make()

    assert raised.value.field == field
    assert advice in raised.value.problem


def test_elsewhere_a_function_is_the_tool_that_it_defines() -> None:
    tool = rc.tool(rest_style)
    config = rc.SessionConfig(provider="scripted:m", tools=(tool,))

    assert config.tools == (tool,)
    (there,) = msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=rc.SessionConfig).tools
    assert type(there) is rc.Tool
    assert msgspec.structs.asdict(there) == msgspec.structs.asdict(tool)


def test_a_copy_of_a_config_has_the_functions_of_its_tools() -> None:
    config = rc.SessionConfig(provider="scripted:m", tools=(rc.tool(rest_style),))

    for copied in (copy.copy(config), copy.deepcopy(config)):
        (tool,) = copied.tools
        assert isinstance(tool, FunctionTool)
        assert tool("Oslo") == "Oslo"
