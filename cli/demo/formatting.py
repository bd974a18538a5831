"""The figures of a demo as text, the same in every display."""

from collections.abc import Sequence

from ..formatting import format_tokens
from .progress import DemoSummary, SessionProgress


def session_figures(session: SessionProgress, now: float) -> str:
    """The tokens of *session* and its speed."""
    speed = session.tokens_per_s(now)
    tokens = f"{format_tokens(session.tokens, session.exact)} tokens"
    return tokens if speed is None else f"{tokens}  {speed:.1f} tokens/s"


def summary_line(summary: DemoSummary) -> str:
    """*summary* in one line."""
    turns = [f"{summary.turns_completed} completed", f"{summary.turns_failed} failed"]
    if summary.turns_interrupted:
        turns.append(f"{summary.turns_interrupted} interrupted")
    return (
        f"{summary.sessions} sessions: turns {', '.join(turns)}; "
        f"{format_tokens(summary.output_tokens, summary.exact)} tokens in {summary.seconds:.1f} s, "
        f"{summary.tokens_per_s:,.1f} tokens/s"
    )


def fitted_ids(ids: Sequence[str], room: int) -> list[str]:
    """*ids*, if each has *room*; otherwise they stay distinct without what all of them begin with."""
    if max(map(len, ids), default=0) <= room:
        return list(ids)
    shared = _shared_length(ids) if len(ids) > 1 else len(ids[0]) - room + 1
    return [f"\N{HORIZONTAL ELLIPSIS}{session_id[shared:]}" for session_id in ids] if shared > 1 else list(ids)


def _shared_length(ids: Sequence[str]) -> int:
    """How many characters all of *ids* begin with."""
    first, last = min(ids), max(ids)
    return next((place for place, letter in enumerate(first) if not last.startswith(letter, place)), len(first))
