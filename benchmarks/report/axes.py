"""Axes: the position and text of ticks."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .findings import Scale

PERCENTILE_TICKS = (50.0, 90.0, 99.0, 99.9, 99.99)
_MAX_PERCENTILE = 99.999
_MIN_TICK_GAP = 0.055
"""The smallest distance of two ticks, as a share of the axis: closer labels would overlap."""

_MARGIN = 1.25
"""The margin of a logarithmic axis beyond its last value, as a factor."""


def nines(percentile: float) -> float:
    """The position of *percentile* on an axis where 90, 99 and 99.9 % are equally far apart."""
    return -math.log10(1 - min(percentile, _MAX_PERCENTILE) / 100)


def tick_text(value: float, _: int | None = None) -> str:
    """*value* as the label of a tick."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def set_percentile_axis(axes: Axes, last: float) -> None:
    """Make the x axis one of percentiles up to *last*."""
    ticks = [tick for tick in PERCENTILE_TICKS if tick <= last] or [50.0]
    axes.set_xlim(0, max(nines(last), nines(ticks[-1])) * 1.02)
    axes.xaxis.set_major_locator(FixedLocator([nines(tick) for tick in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{tick:g} %" for tick in ticks]))


def set_measured_axis(axes: Axes, values: Sequence[float], scale: Scale) -> None:
    """Put a tick on the x axis at each of *values* that there is room for: nothing was measured between them."""
    ordered = sorted({value for value in values if value > 0 or scale == "linear"})
    if not ordered:
        return
    low, high = ordered[0], ordered[-1]
    if scale == "log":
        axes.set_xscale("log")
        axes.set_xlim(low / _MARGIN, high * _MARGIN)
    axes.xaxis.set_major_locator(FixedLocator(_ticks_apart(ordered, scale)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(tick_text))


def set_value_axis(axes: Axes, values: Sequence[float], scale: Scale) -> None:
    """Scale the y axis: linear from 0, or logarithmic around the positive *values*."""
    positive = [value for value in values if value > 0]
    if scale == "log" and positive:
        axes.set_yscale("log")
        low, high = min(positive) / _MARGIN, max(positive) * _MARGIN
        axes.set_ylim(low, high)
        _set_log_ticks(axes.yaxis, math.log10(high / low))
    else:
        axes.set_ylim(min(0.0, *values, 0.0), (max([*values, 0.0]) or 1.0) * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(tick_text))


def _set_log_ticks(axis: Axis, decades: float) -> None:
    subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 1 else (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))


def _ticks_apart(ordered: Sequence[float], scale: Scale) -> list[float]:
    """The last of *ordered*, and those before it that are far enough from the next."""

    def position(value: float) -> float:
        return math.log(value) if scale == "log" else value

    whole = position(ordered[-1]) - position(ordered[0]) or 1.0
    kept: list[float] = []
    for value in reversed(ordered):
        if not kept or (position(kept[-1]) - position(value)) / whole >= _MIN_TICK_GAP:
            kept.append(value)
    return kept[::-1]
