"""The figures of a demo as text, the same in every display."""

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
