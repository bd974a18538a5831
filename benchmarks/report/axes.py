"""Axes: where ticks stand, and what they say."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .findings import Scale

PERCENTILE_TICKS = (50.0, 90.0, 99.0, 99.9, 99.99)
_MOST_PERCENTILE = 99.999
_CLOSEST = 0.055
"""Ticks nearer to each other than this part of the axis would run into each other."""

_ROOM = 1.25
"""What a logarithmic axis shows beyond its last value, as a factor."""


def nines(percentile: float) -> float:
    """Where *percentile* stands: each nine takes as much room as the one before, so that the rare is seen."""
    return -math.log10(1 - min(percentile, _MOST_PERCENTILE) / 100)


def number(value: float, _: int | None = None) -> str:
    """*value* as a tick says it."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def percentile_axis(axes: Axes, last: float) -> None:
    """The x axis as percentiles up to *last*."""
    ticks = [tick for tick in PERCENTILE_TICKS if tick <= last] or [50.0]
    axes.set_xlim(0, max(nines(last), nines(ticks[-1])) * 1.02)
    axes.xaxis.set_major_locator(FixedLocator([nines(tick) for tick in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{tick:g} %" for tick in ticks]))


def measured_axis(axes: Axes, values: Sequence[float], scale: Scale) -> None:
    """The x axis with a tick at each of *values* that there is room for, since nothing was measured between them."""
    ordered = sorted({value for value in values if value > 0 or scale == "linear"})
    if not ordered:
        return
    low, high = ordered[0], ordered[-1]
    if scale == "log":
        axes.set_xscale("log")
        axes.set_xlim(low / _ROOM, high * _ROOM)
    axes.xaxis.set_major_locator(FixedLocator(_apart(ordered, scale)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(number))


def value_axis(axes: Axes, values: Sequence[float], scale: Scale) -> None:
    """The y axis: from 0, or logarithmic around those of *values* that are above it."""
    positive = [value for value in values if value > 0]
    if scale == "log" and positive:
        axes.set_yscale("log")
        low, high = min(positive) / _ROOM, max(positive) * _ROOM
        axes.set_ylim(low, high)
        _log_ticks(axes.yaxis, math.log10(high / low))
    else:
        axes.set_ylim(min(0.0, *values, 0.0), (max([*values, 0.0]) or 1.0) * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(number))


def _log_ticks(axis: Axis, decades: float) -> None:
    subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 1 else (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))


def _apart(ordered: Sequence[float], scale: Scale) -> list[float]:
    """Those of *ordered* that keep away from the one before, and the last."""

    def place(value: float) -> float:
        return math.log(value) if scale == "log" else value

    whole = place(ordered[-1]) - place(ordered[0]) or 1.0
    kept: list[float] = []
    for value in reversed(ordered):
        if not kept or (place(kept[-1]) - place(value)) / whole >= _CLOSEST:
            kept.append(value)
    return kept[::-1]
