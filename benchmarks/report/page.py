"""The page: a result in one HTML file that stands alone. No script, nothing from outside; what it says is escaped."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from ..catalog import PROGRAMS
from . import comparison as compared
from .findings import Curve, Distribution
from .markdown import minutes, verdict
from .plots import Picture
from .result import Result
from .stylesheet import CSS
from .table import HEAD, cells, short

_WORTH = (
    "Ours and theirs are medians, measured in turn in the same run; brackets hold the quartiles of the figure that "
    "counts. On a machine that does other work, too, absolute figures are worth little, and ratios of two that met the "
    "same weather are worth more. Latencies, and rates through several processes, still need an idle machine. A "
    "figure without a target is there to be known."
)
_MARKS = {"yes": "good", "NO": "bad", "better": "good", "WORSE": "bad"}
_NUMBERS = ("ours", "ratio", "target", "old", "new", "quotient")


def page(result: Result, drawn: Sequence[Picture], comparison: compared.Comparison | None = None) -> str:
    """All of *result*, with its pictures, and what has changed where it is compared with another."""
    parts = [_beginning(result)]
    if comparison:
        parts.append(_changes(comparison))
    found = {finding.program for finding in result.findings}
    parts += [_program(program, result, drawn) for program in result.run.programs if program in found]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>What rayconteur costs, {result.run.began:%Y-%m-%d}</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _beginning(result: Result) -> str:
    run, machine = result.run, result.run.machine
    facts = [
        ("measured", f"{run.began:%Y-%m-%d %H:%M} UTC, {run.options.scale}, in {minutes(result.took_s)}"),
        ("commit", machine.commit),
        ("machine", f"{machine.processor}, {machine.cpus} CPUs, {machine.memory_bytes / 1e9:.0f} GB"),
        ("system", f"{machine.system}, load {machine.load:.1f} before the start"),
        ("versions", ", ".join([f"Python {machine.python}", *(f"{n} {v}" for n, v in machine.packages.items())])),
    ]
    told = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>\n" for key, value in facts)
    found = dict.fromkeys(finding.program for finding in result.findings)
    links = "".join(f'<li><a href="#{escape(each)}">{escape(each)}</a></li>' for each in found)
    missing = "".join(f'<p class="bad">{escape(each)}: {escape(why)}</p>\n' for each, why in result.unfinished.items())
    return (
        f"<h1>What rayconteur costs</h1>\n<p>{escape(verdict(result))}</p>\n{missing}<dl>\n{told}</dl>\n"
        f'<p class="quiet">{escape(_WORTH)}</p>\n<nav><ul>{links}</ul></nav>\n'
    )


def _changes(comparison: compared.Comparison) -> str:
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in [*comparison.notes, compared.summary(comparison)])
    changed = [compared.cells(change) for change in comparison.ordered if change.verdict]
    lists = "".join(
        f"<h3>{title}</h3>\n<ul>{''.join(f'<li>{escape(compared.name(row))}</li>' for row in rows)}</ul>\n"
        for title, rows in (("Only in the old one", comparison.gone), ("Only in the new one", comparison.added))
        if rows
    )
    return f"<h2>What has changed</h2>\n{notes}{_table(compared.HEAD, changed) if changed else ''}{lists}"


def _program(program: str, result: Result, drawn: Sequence[Picture]) -> str:
    rows = [row for row in result.rows if row.program == program]
    figures = "".join(_figure(picture, result) for picture in drawn if picture.program == program)
    told = _table(HEAD, map(cells, rows)) if rows else ""
    given = (word for word in result.run.options.words() if word != "--full")
    words = " ".join(["rayconteur bench --only", program, *given])
    what = PROGRAMS.get(program)
    promise = f"<p>{escape(what[:1].upper() + what[1:])}.</p>\n" if what else ""
    return (
        f'<h2 id="{escape(program)}">{escape(program)}</h2>\n{promise}'
        f'<p class="quiet">To measure it again: <code>{escape(words)}</code></p>\n{figures}{told}'
    )


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    def cell(title: str, text: str) -> str:
        names = " ".join(filter(None, ["number" if title in _NUMBERS else "", _MARKS.get(text, "")]))
        return f'<td class="{names}">{escape(text)}</td>' if names else f"<td>{escape(text)}</td>"

    top = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "\n".join(
        f"<tr>{''.join(cell(title, text) for title, text in zip(head, line, strict=True))}</tr>" for line in lines
    )
    return f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n'


def _figure(picture: Picture, result: Result) -> str:
    chart = escape(f"{picture.chart.name}: {picture.chart.y_name} over {picture.chart.x_name}", quote=True)
    return (
        f'<figure>\n<div class="card">{_inline(picture, chart)}</div>\n'
        f"<details><summary>The figures</summary>\n{_values(picture, result)}</details>\n</figure>\n"
    )


def _inline(picture: Picture, described: str) -> str:
    """The SVG as part of a page: without its head, and its ids its own, for a page may have each only once."""
    svg = picture.svg[picture.svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{picture.name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{described}" ', 1)


def _values(picture: Picture, result: Result) -> str:
    lines = [
        line
        for line in result.findings
        if isinstance(line, Curve | Distribution)
        and (line.program, line.chart.name) == (picture.program, picture.chart.name)
    ]
    found = {line.side: _points(line) for line in lines}
    places = sorted({x for points in found.values() for x in points})
    head = (picture.chart.x_name, *(f"{x:,g}" for x in places))
    return _table(head, [(side, *(short(p[x]) if x in p else "" for x in places)) for side, p in found.items()])


def _points(line: Curve | Distribution) -> dict[float, float]:
    match line:
        case Curve(x=x, y=y):
            return {place: sample.median for place, sample in zip(x, y, strict=True)}
        case Distribution(percentiles=pairs):
            return dict(pairs)
