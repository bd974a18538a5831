"""A result in Markdown: the conditions of the run, and one table per benchmark."""

from .result import Result
from .table import table


def markdown(result: Result) -> str:
    """All of *result* except its plots."""
    parts = ["# What it costs", conditions(result), targets_met(result)]
    parts += [f"- {name}: {problem}" for name, problem in result.unfinished.items()]
    parts.append(tables(result))
    return "\n\n".join(filter(None, parts)) + "\n"


def tables(result: Result) -> str:
    """One table for each benchmark that has rows."""
    by_name = {name: [row for row in result.rows if row.program == name] for name in result.run.programs}
    return "\n\n".join(f"## {name}\n\n{table(rows)}" for name, rows in by_name.items() if rows)


def conditions(result: Result) -> str:
    """Date, machine and versions, in one paragraph."""
    run, machine = result.run, result.run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"{run.began:%Y-%m-%d %H:%M} UTC, {run.options.scale}, {duration_text(result.took_s)}. "
        f"Commit {machine.commit}. "
        f"{machine.processor}, {machine.cpus} CPUs, {machine.memory_bytes / 1e9:.0f} GB, {machine.system}, "
        f"load {machine.load:.1f} before the start. Python {machine.python}, {versions}."
    )


def targets_met(result: Result) -> str:
    """How many targets are met."""
    verdicts = [row.met for row in result.rows if row.met is not None]
    return f"{sum(verdicts)} of {len(verdicts)} targets met." if verdicts else "No target was measured."


def duration_text(seconds: float) -> str:
    """*seconds* in minutes and seconds."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
