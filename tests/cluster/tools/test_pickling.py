"""What a program ships of its functions and types arrives as it was, although the other process can't import it."""

import dataclasses
import inspect
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, cast

import msgspec
import pytest
from msgspec import Meta
from pydantic import BaseModel

import rayconteur as rc
from rayconteur.runtime.cluster.tools.pickling import dumps, loads


def in_main(kind: Any) -> Any:
    """*kind*, as if it was defined in the main module of a program."""
    for part in (kind, *filter(inspect.isfunction, cast("dict[str, object]", vars(kind)).values())):
        part.__module__ = "__main__"
    setattr(sys.modules["__main__"], kind.__name__, kind)  # where the names in annotations are looked up
    return kind


class Sky(StrEnum):
    """The weather."""

    RAIN = "rain"


class Trip(msgspec.Struct, frozen=True, kw_only=True, tag="trip", rename="camel"):
    """A journey."""

    start_town: str
    hours: Annotated[float, Meta(gt=0)] = 1.5
    stops: list[str] = []
    then: "Trip | None" = None

    def again(self) -> "Trip":
        return Trip(start_town=self.start_town, hours=2 * self.hours)


class LongTrip(Trip, frozen=True, tag="long"):
    nights: int = 1


@dataclasses.dataclass(kw_only=True)
class Seat:
    trip: Trip
    number: int = 7
    notes: list[str] = dataclasses.field(default_factory=list[str])


class Booking(BaseModel):
    seats: list[int] = [1]


for each in (Sky, Trip, LongTrip, Seat, Booking):
    in_main(each)

TRIP = {"type": "trip", "startTown": "Oslo", "then": {"type": "trip", "startTown": "Rome"}}


def parameters(kind: Any) -> list[tuple[str, object]]:
    return [(each.name, each.kind) for each in inspect.signature(kind).parameters.values()]


def shipped(value: object) -> Any:
    """*value*, pickled and read again: its classes are new ones."""
    return loads(dumps(value))


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (Sky, "rain"),
        (Trip, TRIP),
        (LongTrip, {"type": "long", "startTown": "Oslo", "nights": 2}),
        (Seat, {"trip": TRIP, "number": 8}),
        (Annotated[int, Meta(gt=0, description="so many")], 3),
    ],
    ids=["enum", "struct", "derived struct", "dataclass", "constraint"],
)
def test_a_type_of_a_main_module_takes_the_same_values_and_has_the_same_schema(kind: Any, plain: object) -> None:
    there = shipped(kind)

    assert msgspec.json.schema(there) == msgspec.json.schema(kind)
    assert msgspec.to_builtins(msgspec.convert(plain, there)) == msgspec.to_builtins(msgspec.convert(plain, kind))


def test_structs_keep_their_methods_their_defaults_and_what_they_are() -> None:
    there = shipped(Trip)

    again = there(start_town="Oslo").again()

    assert there is not Trip
    assert type(again) is there
    assert again.hours == 3.0
    assert there(start_town="Oslo").stops == []
    assert parameters(there) == parameters(Trip)
    assert there.__doc__ == "A journey."
    with pytest.raises(msgspec.ValidationError, match="> 0"):
        msgspec.convert({"type": "trip", "startTown": "Oslo", "hours": -1}, there)
    with pytest.raises(AttributeError):
        again.hours = 4


def test_a_type_that_the_other_process_can_import_is_no_copy() -> None:
    assert shipped(rc.ToolUse) is rc.ToolUse


def test_the_parameters_of_a_tool_turn_input_into_the_values_that_its_function_gets() -> None:
    def book(trip: Trip, booking: Booking, seats: Annotated[int, Meta(ge=1)] = 1) -> str:
        return f"{seats} {trip.start_town} {booking.seats}"

    run = rc.tool(in_main(book)).run
    function, arguments = cast("tuple[Callable[..., object], Any]", shipped((run.function, run.arguments)))

    given = {"trip": TRIP, "booking": {"seats": [3]}}
    assert function(**arguments(given)) == "1 Oslo [3]"
    assert arguments.schema["required"] == ["trip", "booking"]
    with pytest.raises(msgspec.ValidationError, match="seats"):
        arguments(given | {"seats": 0})


def test_a_tool_that_calls_another_one_or_itself_calls_the_function() -> None:
    @rc.tool
    def twice(number: int) -> int:
        return 2 * number

    @rc.tool
    def power(number: int) -> int:
        return twice(power(number - 1)) if number else 1

    assert shipped(power.run.function)(5) == 32
