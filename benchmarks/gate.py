"""The gate: seven ratios that must not get twice as bad, in CPU time rather than wall-clock time.

    python -m rayconteur.benchmarks.gate

It exits with code 1 if a ratio is past its limit, and names the place to look at. On 2 CPUs it takes about a minute.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping

import msgspec

import rayconteur as rc
from rayconteur.scripted import Call

from .comparison.contestant import Lineup, open_contestants
from .comparison.trials import LIMIT, OURS, run_in_turn
from .comparison.workloads import Saturate
from .load.answers import ANTHROPIC, OPENAI_CHAT, Api
from .load.process import load_server
from .program import Scale, add_scale_arguments
from .programs.delta_cost import cpu_us_per_delta
from .programs.histories import chat_history
from .programs.memory import packed_rows
from .programs.request_building import RequestCost, least_building_ms
from .programs.throughput import Load, RayPeers, spawn_speakers
from .readers.bare_loop import BareLoop
from .readers.runtime_client import ClientReader, provider_config
from .report.rows import Sample, Target
from .rounds import measure_in_rounds
from .system.processes import CLOCK_S, cpu_s, process_tree, wait_until_idle
from .system.ray_baselines import BareActor
from .system.ray_cluster import ONE_ACTOR, kill_actor, local_runtime

_LONGEST_S = 30.0
_PIECE = "abcd"


class GateLimit(msgspec.Struct, frozen=True):
    """What is measured, its limit, and the place to look at if it fails."""

    what: str
    target: Target
    look_at: str

    def verdict(self, figure: float) -> str:
        """One line, or two if *figure* is past the limit."""
        text = f"{self.what}: {figure:.3g} ({self.target.bound} {self.target.value:g})"
        if self.target.met_by(figure):
            return f"ok    {text}"
        return f"FAIL  {text}\n      look at {self.look_at}"


# Beside each limit the range measured on a shared machine of 2 cores, at load averages from 3 to 7.
LIMITS: Mapping[str, GateLimit] = {
    ANTHROPIC.name: GateLimit(
        "a text delta of Anthropic, relative to a bare loop",
        Target("under", 1.6),  # 0.96 to 1.02
        "providers/transport and providers/anthropic; rayconteur bench --only delta_cost",
    ),
    OPENAI_CHAT.name: GateLimit(
        "a text delta of OpenAI chat, relative to a bare loop",
        Target("under", 2.0),  # 1.19 to 1.3
        "providers/transport and providers/openai/chat; rayconteur bench --only delta_cost",
    ),
    "request": GateLimit(
        "building a request on 1,000 messages, relative to encoding its JSON",
        Target("under", 1.8),  # 0.74 to 1.24
        "providers/anthropic/requests.py and WireMemo; rayconteur bench --only request_building",
    ),
    "packed": GateLimit(
        "tokens per CPU second of 200 packed sessions, relative to a bare loop",
        Target("at least", 0.37),  # 0.56 to 0.73
        "runtime/session, runtime/events and providers; rayconteur bench --only saturated",
    ),
    "memory": GateLimit(
        "KB of a packed idle session",
        Target("under", 6.5),  # 3.7 to 4.0
        "what a session holds; rayconteur bench --only memory",
    ),
    "spawns": GateLimit(
        "a packed spawn, relative to a bare Ray round trip",
        Target("under", 0.11),  # 0.059 to 0.068
        "runtime/cluster; rayconteur bench --only spawning",
    ),
    "events": GateLimit(
        "a Ray call per event, relative to an event through the router",
        Target("at least", 95),  # 150 to 167
        "runtime/events and runtime/cluster; rayconteur bench --only throughput",
    ),
}


async def figures(scale: Scale) -> AsyncIterator[tuple[str, float]]:
    """The figures by the names of their limits, as soon as each is measured."""
    with load_server() as url:
        for api in (ANTHROPIC, OPENAI_CHAT):
            yield api.name, await _delta(api, url, scale)
        yield "request", await _request(url, scale)
    yield "packed", await _packed(scale)
    async with local_runtime() as runtime:
        await wait_until_idle()
        idle, *_ = await packed_rows(runtime, scale.pick(1_000, 1_000, 20), scale.pick(2, 2, 1))
        yield "memory", idle.ours.median
        yield "spawns", await _spawns(runtime, scale)
        yield "events", await _events(runtime, scale)


async def _delta(api: Api, url: str, scale: Scale) -> float:
    ours, limit = ClientReader(provider_config(api, url)), BareLoop(url, api)
    deltas = scale.pick(20_000, 20_000, 50)
    sides = {"ours": cpu_us_per_delta(ours, deltas), "limit": cpu_us_per_delta(limit, deltas)}
    samples = await measure_in_rounds(scale.pick(11, 11, 1), sides)
    await ours.aclose()
    await limit.aclose()
    return _least_ratio(samples, "ours", "limit")


async def _request(url: str, scale: Scale) -> float:
    async with RequestCost(ANTHROPIC, url, chat_history(1_000)) as cost:
        # Many rounds, because they are short: a machine that others use may be slow for a second or two.
        samples = await measure_in_rounds(scale.pick(25, 25, 1), cost.sides())
    return least_building_ms(samples, "next") / min(samples["encoding"].values)


async def _packed(scale: Scale) -> float:
    workload = Saturate(scale.pick(200, 200, 2), scale.pick(1, 1, 2), _LONGEST_S)
    async with open_contestants(Lineup((OURS, LIMIT), scale.pick(1_000, 1_000, 50)), None) as contestants:
        for each in contestants.values():
            await each.run(Saturate(1, 1, _LONGEST_S))
        rounds = dict.fromkeys(contestants.values(), scale.pick(3, 3, 1))
        trials = await run_in_turn(rounds, lambda _: workload)
    ours, limit = trials[OURS].per_cpu_s, trials[LIMIT].per_cpu_s
    if ours is None or limit is None:
        raise RuntimeError("CPU time is not known with RAY_ADDRESS set")
    return max(ours.values) / max(limit.values)


async def _events(runtime: rc.Runtime, scale: Scale) -> float:
    load = Load(100, scale.pick(1_000, 1_000, 20), scale.pick(5, 5, 2))
    speakers = await spawn_speakers(runtime, load, Call(name="write", input={"text": _PIECE * load.pieces}))
    peers = RayPeers(load)

    async def ours() -> float:
        return await _cpu_s_of(speakers.events_per_s()) / (load.sessions * load.pieces)

    async def calls() -> float:
        return await _cpu_s_of(peers.by_calls()) / (load.sessions * load.events)

    samples = await measure_in_rounds(scale.pick(2, 2, 1), {"ours": ours, "calls": calls})
    peers.close()
    await speakers.close()
    return _least_ratio(samples, "calls", "ours")


async def _spawns(runtime: rc.Runtime, scale: Scale) -> float:
    sessions, trips = scale.pick((5_000, 500), (5_000, 500), (20, 20))
    config = rc.SessionConfig(provider=rc.Scripted())
    bare = BareActor.options(num_cpus=0).remote()

    async def ours() -> float:
        return await _cpu_s_of(runtime.spawn_many(config, sessions, ONE_ACTOR)) / sessions

    async def calls() -> float:
        return await _cpu_s_of(make_trips()) / trips

    async def make_trips() -> None:
        for _ in range(trips):
            await bare.do_nothing.remote()

    samples = await measure_in_rounds(scale.pick(2, 2, 1), {"ours": ours, "calls": calls})
    kill_actor(bare)
    return _least_ratio(samples, "ours", "calls")


async def _cpu_s_of(work: Awaitable[object]) -> float:
    """The CPU time of all processes during *work*, those that it starts included."""
    before_s = cpu_s(process_tree())
    await work
    return max(CLOCK_S, cpu_s(process_tree()) - before_s)


def _least_ratio(samples: Mapping[str, Sample], over: str, under: str) -> float:
    """The ratio of the least of all rounds of each: other load on the machine only adds to CPU time."""
    return min(samples[over].values) / min(samples[under].values)


async def _all_within_limits(scale: Scale) -> bool:
    """Print each verdict as soon as it is known; True if all figures are within their limits."""
    all_met = True
    async for name, figure in figures(scale):
        print(LIMITS[name].verdict(figure), flush=True)
        all_met = all_met and LIMITS[name].target.met_by(figure)
    return all_met


def main() -> None:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_scale_arguments(parser)
    if not asyncio.run(_all_within_limits(parser.parse_args().scale)):
        sys.exit(1)


if __name__ == "__main__":
    main()
