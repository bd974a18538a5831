"""Text for sessions and their figures, as every display shows it."""

from .board import Row, Summary
from .output import printable


def beginning(text: str, chars: int) -> str:
    """The first so many characters of *text*, in one line."""
    line = printable(" ".join(text[: 2 * chars].split()))
    return line if len(line) <= chars else f"{line[: chars - 1]}…"


def figures(row: Row, now: float) -> str:
    """Tokens and pace of *row*."""
    pace = row.tokens_per_s(now)
    return f"{tokens(row.tokens, row.exact)} tokens" + ("" if pace is None else f"  {pace:.1f} tokens/s")


def tokens(count: int, exact: bool) -> str:
    """A number of tokens, marked where it is an estimate."""
    return f"{'' if exact else '~'}{count:,}"


def sentence(summary: Summary) -> str:
    """*summary* in a line."""
    turns = [f"{summary.turns_completed} completed", f"{summary.turns_failed} failed"]
    if summary.turns_interrupted:
        turns.append(f"{summary.turns_interrupted} interrupted")
    return (
        f"{summary.sessions} sessions: turns {', '.join(turns)}; "
        f"{tokens(summary.output_tokens, summary.exact)} tokens in {summary.seconds:.1f} s, "
        f"{summary.tokens_per_s:,.1f} tokens/s"
    )
