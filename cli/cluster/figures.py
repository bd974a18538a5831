"""What `rayconteur top` shows of a snapshot: a row for each model, and lines about what is shared."""

from collections.abc import Sequence

import msgspec

from ...runtime.metrics import catalog
from ...runtime.metrics.snapshot import Snapshot

HEADER = ("model", "all", "busy", "turns", "failed", "in", "out", "USD", "first", "gap")
"""The columns: sessions, turns, tokens, cost, and what 95 % of first texts and of gaps take at most."""

_AT_REST = ("idle", "closed")
_SHARE = 0.95


class Figures(msgspec.Struct, frozen=True):
    """The *rows* of all models, and the *lines* below them."""

    rows: Sequence[tuple[str, ...]]
    lines: Sequence[str]


def figures_of(now: Snapshot, before: Snapshot | None = None) -> Figures:
    """The figures of *now*: totals, or what was added per second since *before*."""
    shown = now.since(before) if before else now
    per_s = 1.0 / (now.at - before.at) if before and now.at > before.at else None
    rows = [_row(shown, per_s, *model) for model in shown.models()]
    return Figures(rows, _lines(shown, per_s))


def _row(shown: Snapshot, per_s: float | None, provider: str, model: str) -> tuple[str, ...]:
    labels = {"provider": provider, "model": model}
    sessions = shown.total(catalog.SESSIONS, **labels)
    at_rest = sum(shown.total(catalog.SESSIONS, state=state, **labels) for state in _AT_REST)
    return (
        f"{provider}:{model}",
        f"{sessions:,.0f}",
        f"{sessions - at_rest:,.0f}",
        _amount(shown.total(catalog.TURNS, **labels), per_s),
        _amount(shown.total(catalog.TURNS, outcome="failed", **labels), per_s),
        _amount(shown.total(catalog.TOKENS, kind="input", **labels), per_s),
        _amount(shown.total(catalog.TOKENS, kind="output", **labels), per_s),
        f"{shown.total(catalog.COST, **labels) * (per_s or 1.0):.4f}",
        _seconds(shown.quantile(catalog.FIRST_TEXT, _SHARE, **labels)),
        _seconds(shown.quantile(catalog.GAPS, _SHARE, **labels)),
    )


def _lines(shown: Snapshot, per_s: float | None) -> list[str]:
    mailbox, outbox = shown.total(catalog.MAILBOX), shown.total(catalog.OUTBOX)
    counted = "since the processes started" if per_s is None else "per second"
    lines = [
        f"turns, failed, tokens in and out, USD: {counted}; first text, gap: 95 % take at most this",
        f"mailboxes {mailbox:,.0f} messages, outboxes {_kib(outbox)}, "
        f"longest wait for a router {shown.total(catalog.PUBLISH_WAIT):.1f} s",
        f"routers {_kib(shown.total(catalog.ROUTER_BYTES))} of events, "
        f"{shown.total(catalog.ROUTER_READERS):,.0f} readers, {shown.total(catalog.ROUTER_LAGGING):,.0f} behind; "
        f"{_amount(shown.total(catalog.EVENTS), per_s)} events{_per(per_s)}",
    ]
    if shown.total(catalog.JOURNAL_COMMITS) or shown.total(catalog.UNSTORED):
        commit = _seconds(shown.quantile(catalog.JOURNAL_SECONDS, _SHARE))
        lines.append(
            f"journal {_amount(shown.total(catalog.JOURNAL_RECORDS), per_s)} records{_per(per_s)} in "
            f"{_amount(shown.total(catalog.JOURNAL_COMMITS), per_s)} commits of {commit}, "
            f"{shown.total(catalog.UNSTORED):,.0f} records wait"
        )
    return lines


def _amount(value: float, per_s: float | None) -> str:
    return f"{value:,.0f}" if per_s is None else f"{value * per_s:,.1f}"


def _per(per_s: float | None) -> str:
    return "" if per_s is None else " a second"


def _kib(size_bytes: float) -> str:
    return f"{size_bytes / 1024:,.0f} KiB"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{1000 * value:,.0f} ms" if value < 1 else f"{value:.1f} s"
