"""The gate: what must not become twice as slow, as ratios with generous floors, by CPU time and not by the clock.

    python -m rayconteur.benchmarks.gate

It ends with exit code 1 if a figure is past its floor, and says what to look at. On 2 CPUs it takes less than a minute.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping

import msgspec

from rayconteur.providers.schema.request import WireMemo

from .adapters.adapter import Site
from .comparison.rounds_by_contestant import LIMIT, contest, in_turn
from .comparison.workloads import Saturate
from .gauges import events, memory_kb, ratio, spawns
from .load.answers import ANTHROPIC, OPENAI_CHAT, Api
from .load.process import load_server
from .program import Scale, add_scale
from .programs.delta_cost import cpu_us
from .programs.request_building import BODIES, asking, building, encoding, turn
from .readers.bare_loop import BareLoop
from .readers.runtime_client import Direct, config_of
from .report.rows import Target
from .rounds import rounds
from .system.processes import idle
from .system.ray_cluster import local_runtime

_LONGEST_S = 30.0


class Floor(msgspec.Struct, frozen=True):
    """What is measured, what it is held to, and what to look at where it fails."""

    what: str
    target: Target
    look_at: str

    def verdict(self, figure: float) -> str:
        """A line for people, or two."""
        said = f"{self.what}: {figure:.3g} ({self.target.bound} {self.target.value:g})"
        if self.holds(figure):
            return f"ok    {said}"
        return f"FAIL  {said}\n      look at {self.look_at}"

    def holds(self, figure: float) -> bool:
        """Whether it is on the right side of the floor."""
        return self.target.met_by(figure)


# Beside each floor what was measured on a shared machine of 2 cores, at load averages from 3 to 7.
FLOORS: Mapping[str, Floor] = {
    ANTHROPIC.name: Floor(
        "a text delta of Anthropic, in those of a bare loop",
        Target("under", 1.6),  # 0.96 to 1.02
        "providers/sse.py and what decodes an event; rayconteur bench --only delta_cost",
    ),
    OPENAI_CHAT.name: Floor(
        "a text delta of OpenAI chat, in those of a bare loop",
        Target("under", 2.0),  # 1.19 to 1.3
        "providers/sse.py and what decodes a chunk; rayconteur bench --only delta_cost",
    ),
    "request": Floor(
        "a request on 1,000 messages, in encodings of its JSON",
        Target("under", 1.3),  # 0.70 to 0.82
        "providers/anthropic/requests.py and the memo; rayconteur bench --only request_building",
    ),
    "packed": Floor(
        "tokens per CPU second of 200 packed sessions, of a bare loop's",
        Target("at least", 0.37),  # 0.56 to 0.73
        "runtime/session, runtime/plane and providers; rayconteur bench --only saturated",
    ),
    "memory": Floor(
        "KB of a packed idle session",
        Target("under", 6.5),  # 3.7 to 4.0
        "what a session holds; rayconteur bench --only memory",
    ),
    "spawns": Floor(
        "a packed spawn, in bare Ray round trips",
        Target("under", 0.11),  # 0.059 to 0.068
        "runtime/cluster/session_registry.py and actor.py; rayconteur bench --only spawning",
    ),
    "events": Floor(
        "a Ray call for an event, in events through the router",
        Target("at least", 95),  # 150 to 167
        "runtime/plane, runtime/cluster/router_actor.py and lines.py; rayconteur bench --only throughput",
    ),
}


async def figures(scale: Scale) -> AsyncIterator[tuple[str, float]]:
    """Each figure, with the name of its floor, as it comes."""
    with load_server() as url:
        for api in (ANTHROPIC, OPENAI_CHAT):
            yield api.name, await _delta(api, url, scale)
        yield "request", await _request(scale)
        yield "packed", await _packed(url, scale)
    async with local_runtime() as runtime:
        await idle()
        yield "memory", await memory_kb(runtime, scale)
        yield "spawns", await spawns(runtime, scale)
        yield "events", await events(runtime, scale)


async def _delta(api: Api, url: str, scale: Scale) -> float:
    ours, limit = Direct(config_of(api, url)), BareLoop(url, api)
    deltas = scale.of(20_000, 20_000, 50)
    found = await rounds(scale.of(11, 11, 1), {"ours": cpu_us(ours, deltas), "limit": cpu_us(limit, deltas)})
    await ours.aclose()
    await limit.aclose()
    return ratio(found, "ours", "limit")


async def _request(scale: Scale) -> float:
    body = BODIES[ANTHROPIC.name]
    messages = [message for number in range(1, 502) for message in turn(number)]
    sides = {
        "ours": building(body, messages[:-2], messages),
        "encoding": encoding(body(asking(messages, WireMemo()))),
    }
    found = await rounds(scale.of(15, 15, 1), sides)
    return ratio(found, "ours", "encoding")


async def _packed(url: str, scale: Scale) -> float:
    site = Site(url, scale.of(1_000, 1_000, 50))
    task = Saturate(scale.of(200, 200, 2), scale.of(1, 1, 2), _LONGEST_S)
    async with contest({"packed": site, LIMIT: site}) as sides:
        for side in sides.values():
            await side.carry_out(Saturate(1, 1, _LONGEST_S))
        found = await in_turn(dict.fromkeys(sides.values(), scale.of(3, 3, 1)), lambda _: task)
    ours, limit = found["packed"].per_cpu_s, found[LIMIT].per_cpu_s
    if ours is None or limit is None:
        raise RuntimeError("CPU time is not known where RAY_ADDRESS is set")
    return max(ours.values) / max(limit.values)


async def _judge(scale: Scale) -> bool:
    """Print each verdict as it comes; whether all floors hold."""
    all_hold = True
    async for name, figure in figures(scale):
        floor = FLOORS[name]
        print(floor.verdict(figure), flush=True)
        all_hold = all_hold and floor.holds(figure)
    return all_hold


def main() -> None:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_scale(parser)
    if not asyncio.run(_judge(parser.parse_args().scale)):
        sys.exit(1)


if __name__ == "__main__":
    main()
