"""How costs grow with what there is of sessions, messages, tokens and events: exponents, none of them above linear."""

from collections.abc import AsyncIterator, Iterator

from ..growing import alone, through
from ..growing.cost import Cost, grow
from ..load.process import load_process
from ..program import Options, Scale, run
from ..report.findings import Finding
from ..system.ray_cluster import local_runtime


async def measure(options: Options) -> AsyncIterator[Finding]:
    """Parts by themselves, in this process; then the whole."""
    scale = options.scale
    for cost in _alone(scale):
        for finding in (await grow(cost, scale.of(5, 5, 1))).findings():
            yield finding
    with load_process() as server:
        async with local_runtime(options.address) as runtime:
            if scale is not Scale.QUICK:  # a history that is long takes its time to become so
                marks = scale.of(range(100, 1_001, 100), (), range(4, 9, 4))
                for finding in (await through.long_talk(runtime, server, marks)).findings():
                    yield finding
            crowds, answers = through.Crowds(runtime), through.Answers(runtime, server)
            births = through.Births(options.address)
            for cost in (
                Cost("a turn of each of many sessions", "sessions", _sessions(options), crowds.spend, 4),
                Cost("ten answers over HTTP", "tokens", _tokens(scale), answers.spend, 4),
                Cost("spawning packed sessions", "sessions", _births(scale), births.spend, 4),
            ):
                for finding in (await grow(cost, scale.of(2, 1, 1))).findings():
                    yield finding
            await births.close()
            await crowds.close()


def _alone(scale: Scale) -> Iterator[Cost]:
    messages = scale.of((250, 500, 1_000, 2_000), (250, 500, 1_000, 2_000), (10, 20))
    yield Cost("the next request of a conversation", "messages", messages, alone.request, 10)
    yield Cost("shortening a history, all layers", "messages", messages, alone.compaction, 10)
    events = scale.of((1_000, 4_000, 16_000), (1_000, 4_000, 16_000), (100, 200))
    yield Cost("routing, a segment for each event", "events", events, alone.routing, 4)


def _sessions(options: Options) -> tuple[int, ...]:
    return options.sessions or options.scale.of((10, 100, 500, 2_000), (10, 50, 250), (2, 4))


def _tokens(scale: Scale) -> tuple[int, ...]:
    return scale.of((100, 1_000, 5_000, 20_000), (100, 1_000, 5_000), (10, 20))


def _births(scale: Scale) -> tuple[int, ...]:
    return scale.of((500, 1_500, 4_500), (500, 2_000, 8_000), (10, 20))


if __name__ == "__main__":
    run(measure)
