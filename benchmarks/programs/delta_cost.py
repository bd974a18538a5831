"""CPU per text delta, from the socket to the delta: ours, the SDKs' own objects, and the least it can take."""

import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import msgspec

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, run
from ..readers.anthropic_sdk import AnthropicObjects
from ..readers.bare_frames import BareFrames
from ..readers.bare_loop import BareLoop
from ..readers.bedrock_sdk import BedrockObjects
from ..readers.cohere_sdk import CohereObjects
from ..readers.google_sdk import GoogleObjects
from ..readers.openai_sdk import OpenAIObjects
from ..readers.reader import Reading
from ..readers.responses_sdk import ResponsesObjects
from ..readers.runtime_client import Direct, config_of
from ..report.rows import Row, Sample, Target
from ..rounds import Side, rounds

_TARGETS = {
    ANTHROPIC: Target("at least", 8),
    OPENAI_CHAT: Target("at least", 20),
    OPENAI_RESPONSES: Target("at least", 20),
    GEMINI: Target("at least", 20),
    COHERE: Target("at least", 20),
    BEDROCK: Target("at least", 5),
}
_SDKS: dict[Api, Callable[[str, bool], Reading]] = {
    ANTHROPIC: AnthropicObjects,
    OPENAI_CHAT: OpenAIObjects,
    OPENAI_RESPONSES: ResponsesObjects,
    GEMINI: GoogleObjects,
    COHERE: CohereObjects,
}
_ONE_BY_ONE = Pace(tokens_per_s=2_000)


async def measure(options: Options) -> AsyncIterator[Row]:
    """For each API an answer that is there as fast as it is read, then one whose events come each by itself."""
    scale = options.scale
    apis = scale.of(tuple(_TARGETS), (ANTHROPIC,), tuple(_TARGETS))
    for api in apis:
        with load_server() as url:
            found = await _cpu_us(api, url, scale.of(2, 2, 1), scale.of(1_500, 1_000, 50))
        for row in _rows(f"CPU per text delta, {api.name}", found, _TARGETS[api]):
            yield row
    for api in apis[:2]:
        with load_server(_ONE_BY_ONE) as url:
            found = await _cpu_us(api, url, scale.of(2, 1, 1), scale.of(400, 300, 50))
        for row in _rows(f"the same where each wakes the process, {api.name}", found, None):
            yield row


async def _cpu_us(api: Api, url: str, runs: int, deltas: int) -> dict[str, Sample]:
    readings: dict[str, Reading] = {"ours": Direct(config_of(api, url)), **_peers(api, url)}
    async with AsyncExitStack() as stack:
        for reading in readings.values():
            stack.push_async_callback(reading.aclose)
        return await rounds(runs, {name: cpu_us(reading, deltas) for name, reading in readings.items()})


def _peers(api: Api, url: str) -> dict[str, Reading]:
    if api == BEDROCK:
        return {"sdk": BedrockObjects(url), "limit": BareFrames(url)}
    sdk = _SDKS[api]
    return {"sdk": sdk(url, False), "sdk on aiohttp": sdk(url, True), "limit": BareLoop(url, api)}


def cpu_us(reading: Reading, deltas: int) -> Side:
    async def per_delta() -> float:
        gc.collect()  # nobody pays for what another left behind
        begun_s = time.process_time()
        seen = await reading.read(deltas)
        spent_s = time.process_time() - begun_s
        if seen != deltas:
            raise RuntimeError(f"{type(reading).__name__} saw {seen} of {deltas} text deltas")
        return spent_s / deltas * 1e6

    return per_delta


def _rows(what: str, found: dict[str, Sample], target: Target | None) -> Iterator[Row]:
    ours = found["ours"]

    def row(peer: str, theirs: Sample, target: Target | None = None) -> Row:
        return Row(
            what=what,
            unit="µs",
            ours=ours,
            peer=peer,
            theirs=theirs,
            figure=theirs.over(ours),
            figure_unit="times less",
            target=target,
        )

    yield row("the SDK's typed objects", found["sdk"], target)
    if "sdk on aiohttp" in found:  # boto3 has no other transport
        yield row("the same over aiohttp", found["sdk on aiohttp"])
    limit = row("bare aiohttp and msgspec, the limit", found["limit"])
    yield msgspec.structs.replace(limit, figure=ours.over(found["limit"]), figure_unit="times the limit")


if __name__ == "__main__":
    run(measure)
