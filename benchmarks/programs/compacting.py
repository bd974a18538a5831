"""CPU time of compacting a long history, without the model's, against merely encoding it as JSON."""

import time
from collections.abc import AsyncIterator

import msgspec

import rayconteur as rc
from rayconteur.compaction import (
    Compaction,
    DropImages,
    DropThinking,
    Layered,
    Summarize,
    Threshold,
    Window,
    compact,
)

from ..program import Options, run_program
from ..report.rows import Row, Target
from ..rounds import Measurement, measure_in_rounds
from .histories import agent_history, unreachable_budget

_TARGET = Target("under", 50)
_LINEAR = Target("under", 2.5)

_CONFIGS: dict[str, Compaction] = {
    "results": Threshold(),
    "thinking": DropThinking(),
    "images": DropImages(),
    "summary": Summarize(),
    "window": Window(keep_recent_turns=5),
    "all layers": Layered(),
}


async def measure(options: Options) -> AsyncIterator[Row]:
    """Each strategy on the history and on half of it. No budget is reached, so that each looks at all of it."""
    number = options.scale.pick(5_000, 5_000, 100)
    whole, half = agent_history(number), agent_history(number // 2)
    for name, config in _CONFIGS.items():
        sides = {
            "whole": compaction_ms(whole, config),
            "half": compaction_ms(half, config),
            "encoding": _encoding_ms(whole),
        }
        samples = await measure_in_rounds(options.scale.pick(15, 5, 2), sides)
        what = f"shortening: {name}, {number:,} messages"
        ours = samples["whole"]
        row = Row.measured(what, "ms", ours).beside("msgspec encoding the history as JSON", samples["encoding"])
        yield row.judged_by(ours, "ms").held_to(_TARGET)
        row = Row.measured(f"{what}, against half of them", "ms", ours)
        yield row.beside(f"the same with {number // 2:,}", samples["half"]).held_to(_LINEAR)


def compaction_ms(history: list[rc.Message], config: Compaction) -> Measurement:
    """Measures the CPU time of compacting *history* to a budget that cannot be reached."""

    async def measure_compaction() -> float:
        job = unreachable_budget(history)
        before_s = time.process_time()
        result = await compact(job, config)
        spent_s = time.process_time() - before_s
        assert result.messages is not None
        return spent_s * 1e3

    return measure_compaction


def _encoding_ms(history: list[rc.Message]) -> Measurement:
    async def measure_encoding() -> float:
        before_s = time.process_time()
        msgspec.json.encode(history)
        return (time.process_time() - before_s) * 1e3

    return measure_encoding


if __name__ == "__main__":
    run_program(measure)
