"""Strict tools: their schemas are in the form that providers ask for."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import pydantic
import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers.anthropic.requests import Dialect
from rayconteur.providers.anthropic.rules import check_settings
from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.openai.rules import schema_format
from rayconteur.providers.schema.request import Settings


class Place(msgspec.Struct):
    town: str
    country: str = "Norway"


class Train(pydantic.BaseModel):
    stops: list[str]
    fast: bool = False


def travel(place: Place, others: list[Place], train: Train | None = None, days: Annotated[int, "How many."] = 1) -> str:
    return f"{place.town} {len(others)} {train.stops if train else 'none'} {days}"


def test_all_objects_are_closed_and_everything_is_required() -> None:
    tool = rc.tool(strict=True)(travel)

    place = {
        "type": "object",
        "properties": {"town": {"type": "string"}, "country": {"type": "string"}},
        "required": ["town", "country"],
        "additionalProperties": False,
    }
    train = {
        "type": "object",
        "properties": {"stops": {"type": "array", "items": {"type": "string"}}, "fast": {"type": "boolean"}},
        "required": ["stops", "fast"],
        "additionalProperties": False,
    }
    assert tool.input_schema == {
        "type": "object",
        "properties": {
            "place": place,
            "others": {"type": "array", "items": place},
            "train": {"anyOf": [train, {"type": "null"}], "description": "default: null"},
            "days": {"type": "integer", "description": "How many.; default: 1"},
        },
        "required": ["place", "others", "train", "days"],
        "additionalProperties": False,
    }
    given: dict[str, Any] = {"place": {"town": "Oslo", "country": "Norway"}, "others": [], "train": None, "days": 2}
    assert tool(**tool.run.arguments(given)) == "Oslo 0 none 2"


def test_the_providers_that_check_schemas_take_it() -> None:
    tool = rc.tool(strict=True)(travel)

    check_settings(Settings(tools=(tool,)), Dialect("claude-opus-5-5", claude_facts("claude-opus-5-5")))
    assert schema_format(tool.input_schema)["strict"]


def anything(given: Any) -> None: ...


def open_object(counts: dict[str, int]) -> None: ...


def pair(both: tuple[int, str]) -> None: ...


@pytest.mark.parametrize(("function", "name"), [(anything, "given"), (open_object, "counts"), (pair, "both")])
def test_a_parameter_that_no_strict_schema_has_is_named(function: Callable[..., None], name: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"^tool\.{function.__name__}\.{name}: a strict tool takes no"):
        rc.tool(strict=True)(function)
    assert rc.tool(function).name == function.__name__


def test_a_class_is_no_tool() -> None:
    with pytest.raises(InvalidConfig, match=r"^tool: give a function, not the class Place"):
        rc.tool(Place)
