"""How notebooks display sessions and answers: as HTML, with everything that was said escaped.

HTML and not Markdown: a model's answer could end any Markdown around it, and contain HTML itself.
"""

from collections.abc import Iterable, Sequence
from html import escape

from ...providers.schema.checks.shown import shown
from ...providers.schema.usage import Count, Provenance, Usage

_SHOWN_CHARS = 20_000
"""So much of an answer is displayed. A notebook stores what it displays."""
_TEXT_STYLE = "white-space: pre-wrap; text-align: left"


def table_html(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    lines = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{_cells('th', header)}</tr></thead><tbody>{lines}</tbody></table>"


def text_html(text: str) -> str:
    """A text with its line breaks."""
    return f'<div style="{_TEXT_STYLE}">{_escaped(text, _SHOWN_CHARS)}</div>'


def folded_html(title: str, text: str) -> str:
    """A text that is shown when its title is clicked; nothing without a text."""
    return f"<details><summary>{escape(title)}</summary>{text_html(text)}</details>" if text else ""


def caption_html(*parts: str) -> str:
    """Facts in a small line; empty ones are left out."""
    return f"<small>{' · '.join(_escaped(part) for part in parts if part)}</small>"


def session_html(session_id: str) -> str:
    """What is known of a session without a call to its actor, for which the display would have to wait."""
    return caption_html(f"session {session_id}", "status() has its state")


def usage_text(usage: Usage) -> str:
    """The tokens of *usage*, and what they cost if that is known."""
    cost = "" if usage.cost.usd is None else f", {_estimate(usage.cost.provenance)}${usage.cost.usd:,.4f}"
    return f"{_tokens(usage.input)} tokens in, {_tokens(usage.output)} out{cost}"


def counted(number: int, noun: str) -> str:
    """A number and its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _tokens(count: Count) -> str:
    return "?" if count.tokens is None else f"{_estimate(count.provenance)}{count.tokens:,}"


def _estimate(provenance: Provenance) -> str:
    return "" if provenance is Provenance.REPORTED else "about "


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f'<{tag} style="text-align: left">{_escaped(text)}</{tag}>' for text in texts)


def _escaped(text: str, limit: int | None = None) -> str:
    return escape(shown(text, quoted=False) if limit is None else shown(text, quoted=False, limit=limit))
