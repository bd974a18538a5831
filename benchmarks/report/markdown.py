"""A result in Markdown: what it is of, and a table for each program."""

from .result import Result
from .table import table


def markdown(result: Result) -> str:
    """All of *result* that is not a picture."""
    parts = ["# What it costs", conditions(result), verdict(result)]
    parts += [f"- {name}: {problem}" for name, problem in result.unfinished.items()]
    parts.append(tables(result))
    return "\n\n".join(filter(None, parts)) + "\n"


def tables(result: Result) -> str:
    """A table for each program that came to any rows."""
    found = {name: [row for row in result.rows if row.program == name] for name in result.run.programs}
    return "\n\n".join(f"## {name}\n\n{table(rows)}" for name, rows in found.items() if rows)


def conditions(result: Result) -> str:
    """Where, when and with what, in a paragraph."""
    run, machine = result.run, result.run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"{run.began:%Y-%m-%d %H:%M} UTC, {run.options.scale}, {minutes(result.took_s)}. Commit {machine.commit}. "
        f"{machine.processor}, {machine.cpus} CPUs, {machine.memory_bytes / 1e9:.0f} GB, {machine.system}, "
        f"load {machine.load:.1f} before the start. Python {machine.python}, {versions}."
    )


def verdict(result: Result) -> str:
    """How many targets are met."""
    held = [row.met for row in result.rows if row.met is not None]
    return f"{sum(held)} of {len(held)} targets met." if held else "No target was measured."


def minutes(seconds: float) -> str:
    """A span of time as people say it."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
