"""What a turn and a token cost each process, from the rows of a result."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rayconteur.errors import ConfigError

from ..report.result import Result
from ..report.rows import Row
from ..system.processes import ROLES

_US = 1e-6
_WOKEN = ("sessions", "router", "driver")
"""What text passes. Ray's own processes use CPU time, but nothing waits for them."""

NO_JOURNAL = "no journal"
MEMORY = "a journal in memory"


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds by role: of a *turn* without its tokens, and of a *token* in an answer that comes at once.

    In an answer that comes at the pace of a model, token by token, *wake* is what it costs in all to be woken for
    something, and *lone* what a token costs more; the roles share both as they share turns. *journals* has, for each
    kind of journal, what a turn costs the session's process and the journal's. *ray_call* is a call from one process to
    another. *server* is what the load server needs for a token.
    """

    turn: Mapping[str, float]
    token: Mapping[str, float]
    wake: float
    lone: float
    journals: Mapping[str, tuple[float, float]]
    ray_call: float
    server: float

    def share_of(self, role: str) -> float:
        """The share of *role* in being woken, and in tokens that come alone: that which it has in turns."""
        return self.turn[role] / sum(self.turn[each] for each in _WOKEN) if role in _WOKEN else 0.0

    def alone(self) -> "Costs":
        """These costs, for answers whose tokens come alone."""
        return replace(self, token={role: cost + self.lone * self.share_of(role) for role, cost in self.token.items()})


class Rows:
    """The rows of *result*, by what they measure."""

    def __init__(self, result: Result) -> None:
        self._rows = {(row.program, row.what, row.peer): row for row in result.rows}

    def find(self, program: str, what: str, peer: str = "") -> Row | None:
        """The row, if the result has it."""
        return self._rows.get((program, what, peer))

    def median(self, program: str, what: str, peer: str = "") -> float:
        """The median of our side.

        Raises:
            ConfigError: the result has no such row.
        """
        row = self.find(program, what, peer)
        if row is None:
            raise ConfigError(f"the result has no row {what!r} of {program}: run the benchmark {program}")
        return row.ours.median

    def of_server(self, beginning: str) -> float:
        """The tokens per second of CPU time of the load server, in the row that begins so.

        Raises:
            ConfigError: the result has no such row.
        """
        for (program, what, _), row in self._rows.items():
            if program == "server_ceiling" and what.startswith(beginning) and "CPU" in row.unit:
                return row.ours.median
        raise ConfigError(f"the result has no row {beginning!r} of server_ceiling: run the benchmark server_ceiling")


def costs_of(rows: Rows) -> Costs:
    """The costs in *rows*. *wake* and *lone* are not known yet: see ``calibrated``.

    Raises:
        ConfigError: a row is missing.
    """
    turn, token = ({role: _cost(rows, what, role) for role in ROLES} for what in ("turn", "token"))
    journals = {NO_JOURNAL: (0.0, 0.0)}
    in_memory = _journal(rows, MEMORY)
    for name in (MEMORY, "SQLite", "PostgreSQL") if in_memory is not None else ():
        if (whole := _journal(rows, name)) is not None and in_memory is not None:
            # What a journal in memory costs is sending records and receiving them, half on either side; what one on a
            # disk costs besides, it costs in the journal's process.
            sending = in_memory / 2
            journals[name] = (sending, max(whole, in_memory) - sending)
    calls = (rows.find("throughput", f"events/s, {many}", "a Ray call for each") for many in _SESSIONS)
    rates = [row.theirs.median for row in calls if row and row.theirs]
    if not rates:
        raise ConfigError("the result has no rate of Ray calls: run the benchmark throughput")
    return Costs(
        turn=turn,
        token=token,
        wake=0.0,
        lone=0.0,
        journals=journals,
        ray_call=1 / max(rates),
        server=1 / rows.of_server("the load server, saturated, 100 connections"),
    )


_SESSIONS = ("1 session", "100 sessions", "1,000 sessions")


def _cost(rows: Rows, what: str, role: str) -> float:
    # A difference of two measurements may be below zero where there is next to nothing.
    return max(0.0, rows.median("costs", f"CPU of a {what}, {role}")) * _US


def _journal(rows: Rows, name: str) -> float | None:
    """What a turn costs more with the journal *name*, in CPU seconds of all processes."""
    row = rows.find("journal_turns", f"CPU of a turn with {name}, all processes", NO_JOURNAL)
    if row is None or row.theirs is None:
        return None
    return max(0.0, row.ours.median - row.theirs.median) * _US
