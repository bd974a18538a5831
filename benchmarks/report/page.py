"""A result as one self-contained HTML file: no script, no external resource, all text escaped."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from ..catalog import BENCHMARKS
from . import comparison as compared
from .findings import Curve, Distribution
from .markdown import duration_text, targets_met
from .plots import Plot
from .result import Result
from .stylesheet import CSS
from .table import HEAD, row_cells, short_number

_HOW_TO_READ = (
    "Ours and theirs are medians, measured in turn in the same run; brackets hold the quartiles of the figure to judge "
    "by. On a machine with other load, absolute figures are worth little, and ratios of two sides that ran under the "
    "same conditions are worth more. Latencies, and rates through several processes, still need an idle machine. A "
    "figure without a target is for information."
)
_MARKS = {"yes": "good", "NO": "bad", "better": "good", "WORSE": "bad"}
_NUMERIC_COLUMNS = ("ours", "ratio", "target", "old", "new", "quotient")


def page(result: Result, plots: Sequence[Plot], comparison: compared.Comparison | None = None) -> str:
    """*result* with its plots, and its changes if it is compared with another."""
    parts = [_introduction(result)]
    if comparison:
        parts.append(_changes(comparison))
    with_findings = {finding.program for finding in result.findings}
    parts += [_section(name, result, plots) for name in result.run.programs if name in with_findings]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>What rayconteur costs, {result.run.began:%Y-%m-%d}</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _introduction(result: Result) -> str:
    run, machine = result.run, result.run.machine
    facts = [
        ("measured", f"{run.began:%Y-%m-%d %H:%M} UTC, {run.options.scale}, in {duration_text(result.took_s)}"),
        ("commit", machine.commit),
        ("machine", f"{machine.processor}, {machine.cpus} CPUs, {machine.memory_bytes / 1e9:.0f} GB"),
        ("system", f"{machine.system}, load {machine.load:.1f} before the start"),
        ("versions", ", ".join([f"Python {machine.python}", *(f"{n} {v}" for n, v in machine.packages.items())])),
    ]
    items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>\n" for key, value in facts)
    names = dict.fromkeys(finding.program for finding in result.findings)
    links = "".join(f'<li><a href="#{escape(each)}">{escape(each)}</a></li>' for each in names)
    missing = "".join(f'<p class="bad">{escape(each)}: {escape(why)}</p>\n' for each, why in result.unfinished.items())
    return (
        f"<h1>What rayconteur costs</h1>\n<p>{escape(targets_met(result))}</p>\n{missing}<dl>\n{items}</dl>\n"
        f'<p class="quiet">{escape(_HOW_TO_READ)}</p>\n<nav><ul>{links}</ul></nav>\n'
    )


def _changes(comparison: compared.Comparison) -> str:
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in [*comparison.notes, compared.summary(comparison)])
    changed = [compared.change_cells(change) for change in comparison.by_verdict if change.verdict]
    lists = "".join(
        f"<h3>{title}</h3>\n<ul>{''.join(f'<li>{escape(compared.full_name(row))}</li>' for row in rows)}</ul>\n"
        for title, rows in (("Only in the old one", comparison.gone), ("Only in the new one", comparison.added))
        if rows
    )
    return f"<h2>What has changed</h2>\n{notes}{_table(compared.HEAD, changed) if changed else ''}{lists}"


def _section(name: str, result: Result, plots: Sequence[Plot]) -> str:
    rows = [row for row in result.rows if row.program == name]
    figures = "".join(_figure(plot, result) for plot in plots if plot.program == name)
    rows_table = _table(HEAD, map(row_cells, rows)) if rows else ""
    options = (word for word in result.run.options.arguments() if word != "--full")
    command = " ".join(["rayconteur bench --only", name, *options])
    measures = BENCHMARKS[name].measures if name in BENCHMARKS else ""
    description = f"<p>{escape(measures[:1].upper() + measures[1:])}.</p>\n" if measures else ""
    return (
        f'<h2 id="{escape(name)}">{escape(name)}</h2>\n{description}'
        f'<p class="quiet">To measure it again: <code>{escape(command)}</code></p>\n{figures}{rows_table}'
    )


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    def cell(title: str, text: str) -> str:
        names = " ".join(filter(None, ["number" if title in _NUMERIC_COLUMNS else "", _MARKS.get(text, "")]))
        return f'<td class="{names}">{escape(text)}</td>' if names else f"<td>{escape(text)}</td>"

    top = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "\n".join(
        f"<tr>{''.join(cell(title, text) for title, text in zip(head, line, strict=True))}</tr>" for line in lines
    )
    return f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n'


def _figure(plot: Plot, result: Result) -> str:
    description = escape(f"{plot.chart.name}: {plot.chart.y_name} over {plot.chart.x_name}", quote=True)
    return (
        f'<figure>\n<div class="card">{_inline_svg(plot, description)}</div>\n'
        f"<details><summary>The figures</summary>\n{_values(plot, result)}</details>\n</figure>\n"
    )


def _inline_svg(plot: Plot, description: str) -> str:
    """The SVG as an element of a page: without its prologue, and with ids that are unique in the page."""
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{plot.name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)


def _values(plot: Plot, result: Result) -> str:
    lines = [
        line
        for line in result.findings
        if isinstance(line, Curve | Distribution) and (line.program, line.chart.name) == (plot.program, plot.chart.name)
    ]
    by_side = {line.side: _points(line) for line in lines}
    all_x = sorted({x for points in by_side.values() for x in points})
    head = (plot.chart.x_name, *(f"{x:,g}" for x in all_x))
    return _table(head, [(side, *(short_number(p[x]) if x in p else "" for x in all_x)) for side, p in by_side.items()])


def _points(line: Curve | Distribution) -> dict[float, float]:
    match line:
        case Curve(x=x, y=y):
            return {position: sample.median for position, sample in zip(x, y, strict=True)}
        case Distribution(percentiles=pairs):
            return dict(pairs)
