"""CPU time per text delta, from the socket to the delta: ours, the SDKs' own objects, and the lower bound."""

import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

from ..load.answers import ANTHROPIC, APIS, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, run_program
from ..readers.bare_loop import BareLoop
from ..readers.reader import AnswerReader, sdk_reader
from ..readers.runtime_client import ClientReader, provider_config
from ..report.rows import Row, Sample, Target
from ..rounds import Measurement, measure_in_rounds

_TARGETS = {
    ANTHROPIC: Target("at least", 8),
    OPENAI_CHAT: Target("at least", 20),
    OPENAI_RESPONSES: Target("at least", 20),
    GEMINI: Target("at least", 20),
    COHERE: Target("at least", 20),
    BEDROCK: Target("at least", 5),
}
_ONE_BY_ONE = Pace(tokens_per_s=2_000)


async def measure(options: Options) -> AsyncIterator[Row]:
    """For each API an answer that comes as fast as it is read, then one whose events come one by one."""
    scale = options.scale
    apis = scale.pick(APIS, (ANTHROPIC,), APIS)
    for api in apis:
        with load_server() as url:
            samples = await _measure_api(api, url, scale.pick(2, 2, 1), scale.pick(1_500, 1_000, 50))
        for row in _rows(f"CPU per text delta, {api.name}", samples, _TARGETS[api]):
            yield row
    for api in apis[:2]:
        with load_server(_ONE_BY_ONE) as url:
            samples = await _measure_api(api, url, scale.pick(2, 1, 1), scale.pick(400, 300, 50))
        for row in _rows(f"the same where each wakes the process, {api.name}", samples, None):
            yield row


async def _measure_api(api: Api, url: str, rounds: int, deltas: int) -> dict[str, Sample]:
    readers: dict[str, AnswerReader] = {
        "ours": ClientReader(provider_config(api, url)),
        "sdk": sdk_reader(api, url),
        "limit": BareLoop(url, api),
    }
    if api != BEDROCK:  # boto3 has no other transport
        readers["sdk over aiohttp"] = sdk_reader(api, url, over_aiohttp=True)
    async with AsyncExitStack() as stack:
        for reader in readers.values():
            stack.push_async_callback(reader.aclose)
        return await measure_in_rounds(
            rounds, {name: cpu_us_per_delta(reader, deltas) for name, reader in readers.items()}
        )


def cpu_us_per_delta(reader: AnswerReader, deltas: int) -> Measurement:
    """Measures the CPU time of this process, in microseconds, for each of *deltas* text deltas."""

    async def measure_reading() -> float:
        gc.collect()  # garbage of the side before is no part of it
        before_s = time.process_time()
        seen = await reader.read(deltas)
        spent_s = time.process_time() - before_s
        if seen != deltas:
            raise RuntimeError(f"{type(reader).__name__} saw {seen} of {deltas} text deltas")
        return spent_s / deltas * 1e6

    return measure_reading


def _rows(what: str, samples: dict[str, Sample], target: Target | None) -> Iterator[Row]:
    ours = samples["ours"]
    row = Row.measured(what, "µs", ours)
    sdk = samples["sdk"]
    yield row.beside("the SDK's typed objects", sdk).judged_by(sdk.over(ours), "times less").held_to(target)
    if over_aiohttp := samples.get("sdk over aiohttp"):
        yield row.beside("the same over aiohttp", over_aiohttp).judged_by(over_aiohttp.over(ours), "times less")
    limit = samples["limit"]
    yield row.beside("bare aiohttp and msgspec, the limit", limit).judged_by(ours.over(limit), "times the limit")


if __name__ == "__main__":
    run_program(measure)
