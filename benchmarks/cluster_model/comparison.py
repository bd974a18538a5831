"""What the model says of the machine that it has its costs from, beside what was measured there."""

from collections.abc import Iterator
from dataclasses import dataclass

from .costs import NO_JOURNAL, Costs, Rows, costs_of
from .one_machine import calibrated, in_turns, paced, saturated

_BARE = "bare"
_TURN_SESSIONS, _TURN_TOKENS = 100, 20
_PACED = (100, 1_000)
_SATURATED = ((100, 1_000), (1_000, 1_000), (5_000, 200))


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure, measured and simulated, in *unit*."""

    what: str
    unit: str
    measured: float
    simulated: float

    @property
    def deviation(self) -> float:
        """How much more the model says, as a share of what was measured."""
        return self.simulated / self.measured - 1


def calibrated_costs(rows: Rows, cpus: int) -> Costs:
    """The costs in *rows*, of a machine with *cpus*.

    Raises:
        ConfigError: a row is missing; its benchmark is named.
    """
    what = "tokens per CPU second, packed, {:,} sessions at 50 tokens/s"
    return calibrated(
        costs_of(rows), cpus, {number: rows.median("paced", what.format(number), _BARE) for number in _PACED}
    )


def compare(rows: Rows, costs: Costs, cpus: int) -> Iterator[Compared]:
    """Throughput and turns with and without a journal: none of this is what the *costs* were calibrated with."""
    for number in _PACED:
        what = f"tokens/s, packed, {number:,} sessions at 50 tokens/s"
        measured = rows.median("paced", what, "what is offered")
        yield Compared(what, "tokens/s", measured, paced(costs, cpus, number).per_s)
    for number, tokens in _SATURATED:
        sessions, flow = (
            f"{number:,} packed sessions, answers of {tokens:,} tokens",
            saturated(costs, cpus, number, tokens),
        )
        for unit, simulated in (("tokens/s", flow.per_s), ("tokens per CPU second", flow.per_cpu_s)):
            what = f"{unit}, {sessions}"
            yield Compared(what, unit, rows.median("saturated", what, _BARE), simulated)
    for journal in costs.journals:
        if (turns := _turns_per_s(rows, journal)) is not None:
            flow = in_turns(costs, cpus, _TURN_SESSIONS, _TURN_TOKENS, journal)
            yield Compared(f"turns/s of {_TURN_SESSIONS} sessions with {journal}", "/s", turns, flow.per_s)


def _turns_per_s(rows: Rows, journal: str) -> float | None:
    if journal == NO_JOURNAL:
        row = rows.find("journal_turns", f"turns/s of {_TURN_SESSIONS} sessions with SQLite", NO_JOURNAL)
        return row.theirs.median if row and row.theirs else None
    row = rows.find("journal_turns", f"turns/s of {_TURN_SESSIONS} sessions with {journal}", NO_JOURNAL)
    return row.ours.median if row else None
