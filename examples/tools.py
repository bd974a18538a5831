"""An agent with three tools: functions, which run at the same time when the model asks for them.

python examples/tools.py
"""

import asyncio
from typing import Annotated

import msgspec

import rayconteur as rc


class Trip(msgspec.Struct):
    """A journey by train."""

    start: str
    end: str
    hours: float


@rc.tool
async def weather(town: Annotated[str, "Its name in English."]) -> dict[str, str]:
    """The weather in a town."""
    await asyncio.sleep(0.1)  # as a request to a service
    return {"sky": {"Oslo": "rain", "Rome": "sun"}[town]}


@rc.tool
def trains(start: str, end: str) -> list[Trip]:
    """The trains between two towns."""
    return [Trip(start, end, 30.5)]


@rc.tool(timeout_s=5)
def book(trip: Trip, seats: int = 1) -> str:
    """Book a journey.

    Args:
        trip: One of those that ``trains`` found.
        seats: For how many people.
    """
    return f"{seats} from {trip.start} to {trip.end}"


# The scripted model looks at the weather and the trains at once, then books, and answers.
SCRIPT = rc.scripted.Script(
    answers=(
        (
            rc.scripted.Say("Let me look. "),
            rc.scripted.Call("weather", {"town": "Oslo"}),
            rc.scripted.Call("weather", {"town": "Rome"}),
            rc.scripted.Call("trains", {"start": "Oslo", "end": "Rome"}),
        ),
        (rc.scripted.Call("book", {"trip": {"start": "Oslo", "end": "Rome", "hours": 30.5}, "seats": 2}),),
        (rc.scripted.Say("It rains in Oslo: two seats to Rome are booked."),),
    )
)
CONFIG = rc.SessionConfig(provider=rc.Scripted(script=SCRIPT), tools=(weather, trains, book))
QUESTION = "Where is the weather better, in Oslo or in Rome? If it is Rome, book two seats."


async def answer_event_by_event(session: rc.SessionHandle) -> None:
    async for event in session.ask(QUESTION):  # the tools run meanwhile
        match event:
            case rc.TextChunk(text=text):
                print(text, end="", flush=True)
            case rc.ToolBatch(uses=uses):
                print(*(f"[{use.name}]" for use in uses), end=" ")
            case _:
                pass
    print()


async def main() -> None:
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        await answer_event_by_event(await runtime.spawn(CONFIG))
        session = await runtime.spawn(CONFIG)
        answer = await session.ask(QUESTION)
        print(f"{answer.text} ({answer.requests} requests)")


if __name__ == "__main__":
    asyncio.run(main())
