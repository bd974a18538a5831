"""CPU time of a request with 100 tools, beside one without: the first of a session, and those after it."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Literal

import rayconteur as rc
from rayconteur.providers import Request, Settings, WireMemo

from ...load.answers import ANTHROPIC, GEMINI, OPENAI_CHAT
from ...load.process import load_server
from ...program import Options, run_program
from ...readers.runtime_client import ClientReader, provider_config
from ...report.rows import Row, Target
from ...rounds import Measurement, measure_in_rounds
from ..histories import chat_history

_TOOLS = 100
_REQUESTS = 30
"""Requests per measurement, of which the least counts; each is the next one of a conversation."""

_HISTORY = 200
_APIS = (ANTHROPIC, OPENAI_CHAT, GEMINI)
_FLAT = Target("under", 1)


def hundred_tools() -> tuple[rc.Tool, ...]:
    """Functions with four parameters each, as a session's process gets them."""
    return tuple(_tool(number) for number in range(_TOOLS))


def _tool(number: int) -> rc.Tool:
    def weather(town: str, days: int = 1, unit: Literal["C", "F"] = "C", stations: list[str] | None = None) -> str:
        """The weather in a town.

        Args:
            town: Its name in English.
            days: How many days ahead.
            unit: Of temperatures.
            stations: The stations to ask; all by default.
        """
        raise NotImplementedError(town, days, unit, stations)

    tool = rc.tool(name=f"weather_{number}")(weather)
    return rc.Tool(name=tool.name, description=tool.description, input_schema=tool.input_schema)


async def measure(options: Options) -> AsyncIterator[Row]:
    """For each API the first request, and the later ones."""
    tools = hundred_tools()
    history = chat_history(options.scale.pick(_HISTORY, _HISTORY, 2 * _REQUESTS + 2))
    with load_server() as url:
        for api in _APIS:
            client = ClientReader(provider_config(api, url))
            sides: dict[str, Measurement] = {
                "first": partial(_first_ms, client, history, tools),
                "next": partial(_next_ms, client, history, tools),
                "without": partial(_next_ms, client, history, ()),
            }
            samples = await measure_in_rounds(options.scale.pick(5, 3, 1), sides)
            await client.aclose()
            row = Row.measured(f"a request with {_TOOLS} tools, {api.name}", "ms", samples["next"]).better_if("less")
            yield row.beside("the first one of a session", samples["first"]).held_to(_FLAT)
            yield row.beside("without tools", samples["without"])


async def _first_ms(client: ClientReader, history: Sequence[rc.Message], tools: tuple[rc.Tool, ...]) -> float:
    return await client.building_s(_request(history, tuple(tools), WireMemo())) * 1e3


async def _next_ms(client: ClientReader, history: Sequence[rc.Message], tools: tuple[rc.Tool, ...]) -> float:
    """The least of some, each of which is the next request of a conversation."""
    memo = WireMemo()
    begin = len(history) - 2 * _REQUESTS
    requests = [_request(history[: begin + 2 * number], tools, memo) for number in range(_REQUESTS + 1)]
    _, *spent_s = [await client.building_s(request) for request in requests]
    return min(spent_s) * 1e3


def _request(messages: Sequence[rc.Message], tools: tuple[rc.Tool, ...], memo: WireMemo) -> Request:
    settings = Settings(system="You are a raven.", max_output_tokens=1, tools=tools)
    return Request(number=1, messages=messages, settings=settings, memo=memo)


if __name__ == "__main__":
    run_program(measure)
