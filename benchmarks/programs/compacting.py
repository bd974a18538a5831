"""CPU time of shortening a long history, without the model, against the mere encoding of its JSON."""

import time
from collections.abc import AsyncIterator, Sequence

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
from rayconteur.providers import Block, Role

from ..growing.alone import hopeless
from ..program import Options, run
from ..report.rows import Row, Sample, Target
from ..rounds import Side, rounds

_TARGET = Target("under", 50)
_LINEAR = Target("under", 2.5)
_TEXT = "They hide food, remember where, and hide it again if another raven was watching. " * 5
_THINKING = rc.Thinking(text=_TEXT, provider="anthropic", signature="c2ln")
_IMAGE = rc.Image(url="https://example.org/raven.png")

_CONFIGS: dict[str, Compaction] = {
    "results": Threshold(),
    "thinking": DropThinking(),
    "images": DropImages(),
    "summary": Summarize(),
    "window": Window(keep_recent_turns=5),
    "all layers": Layered(),
}


async def measure(options: Options) -> AsyncIterator[Row]:
    """Each strategy on the history and on half of it; nothing is enough, so that all of it is looked at."""
    scale = options.scale
    number = scale.of(5_000, 5_000, 100)
    whole = _history(number)
    half = _history(number // 2)
    for name, config in _CONFIGS.items():
        sides = {
            "whole": _shortening(whole, config),
            "half": _shortening(half, config),
            "encoding": _encoding(whole),
        }
        found = await rounds(scale.of(15, 5, 2), sides)
        what = f"{name}, {number:,} messages"
        yield _row(f"shortening: {what}", found["whole"], found["encoding"], "msgspec encoding the history as JSON")
        yield _growth(f"shortening: {what}", found["whole"], found["half"], number // 2)


def _history(number: int) -> list[rc.Message]:
    """Turns of four messages of 400 characters: a question, thinking and a tool use, its result, an answer."""
    return [message for turn in range(1, number // 4 + 1) for message in _turn(turn)]


def _turn(turn: int) -> list[rc.Message]:
    use = rc.ToolUse(f"call-{turn}", "look", {"where": "roof", "how often": turn})
    result = rc.ToolResult(use.id, (rc.Text(f"{turn} {_TEXT}"),), compact_summary=f"{turn} ravens")
    said: list[tuple[Role, tuple[Block, ...]]] = [
        (Role.USER, (rc.Text(f"{turn} {_TEXT}"), *([_IMAGE] if turn % 10 == 0 else []))),
        (Role.ASSISTANT, (_THINKING, use)),
        (Role.USER, (result,)),
        (Role.ASSISTANT, (rc.Text(f"{turn} {_TEXT}"),)),
    ]
    return [rc.Message(role=role, content=content, turn=turn) for role, content in said]


def _shortening(history: Sequence[rc.Message], config: Compaction) -> Side:
    async def milliseconds() -> float:
        job = hopeless(history)
        begun_at = time.process_time()
        done = await compact(job, config)
        spent_s = time.process_time() - begun_at
        assert done.messages is not None
        return spent_s * 1e3

    return milliseconds


def _encoding(history: Sequence[rc.Message]) -> Side:
    async def milliseconds() -> float:
        begun_at = time.process_time()
        msgspec.json.encode(history)
        return (time.process_time() - begun_at) * 1e3

    return milliseconds


def _row(what: str, ours: Sample, theirs: Sample, peer: str) -> Row:
    """How long it takes."""
    return Row(
        what=what,
        unit="ms",
        ours=ours,
        peer=peer,
        theirs=theirs,
        figure=ours,
        figure_unit="ms",
        target=_TARGET,
    )


def _growth(what: str, whole: Sample, half: Sample, number: int) -> Row:
    """How much longer than half of it takes: twice, where the time is linear in the length."""
    return Row(
        what=f"{what}, against half of them",
        unit="ms",
        ours=whole,
        peer=f"the same with {number:,}",
        theirs=half,
        figure=whole.over(half),
        figure_unit="times",
        target=_LINEAR,
    )


if __name__ == "__main__":
    run(measure)
