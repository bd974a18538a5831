"""Which reported token counts are plausible, compared with our own count of what was sent.

Some servers report nothing but zeros, the same figure for each request, or a part of it. For recorded requests of more
than 200 tokens, eight of ten reported figures are between 0.7 and 2.0 times our count. A lower one is not believed, so
that a history which is compacted at three quarters of a window never outgrows it because of a false figure.
"""

from collections.abc import Sequence

import msgspec

from ...providers.schema.content import Block, Text

_LEAST_SHARE, _MOST_SHARE = 0.75, 2.5
_LEAST_SLACK_TOKENS, _MOST_SLACK_TOKENS = 50, 500  # what providers add to a request: up to some hundred tokens
_OUTPUT_SLACK_TOKENS = 500
_LEAST_GROWTH_TOKENS, _LEAST_GROWTH_SHARE = 100, 0.1
_LEAST_GROWTH = 0.5
_CONSTANT_TOKENS = 10
_LEAST_CHARS, _USUAL_CHARS = 2, 4.4
"""English has 4 to 5 characters a token, code 3 to 4."""


class Figure(msgspec.Struct, frozen=True, gc=False):
    """A *reported* count for a request of which our own count was *counted*, and whether it is *plausible*.

    Of *counted*, *media* tokens are a guess: what images and documents come to is known to the provider alone.
    """

    counted: int
    reported: int
    media: int = 0
    plausible: bool = True


def judged(figure: Figure, last: Figure | None, is_open: bool) -> Figure:
    """*figure*, judged by our own count and by the *last* one of the session that could be judged.

    Where our count has changed since then, the report must have changed with it: a constant is recognized by its second
    request. A change too small to tell more leaves the judgment as it was: then the result is *last*. If the request
    *is_open*, the provider adds content to it, and no report is too large.
    """
    most = float("inf") if is_open else _MOST_SHARE * figure.counted + _MOST_SLACK_TOKENS
    least = max(1, _LEAST_SHARE * (figure.counted - figure.media) - _LEAST_SLACK_TOKENS)
    if not least <= figure.reported <= most:
        return msgspec.structs.replace(figure, plausible=False)
    if last is None:
        return figure
    growth, reported_growth = figure.counted - last.counted, figure.reported - last.reported
    if growth < 0:
        growth, reported_growth = -growth, -reported_growth
    if not reported_growth and growth >= _CONSTANT_TOKENS:
        return msgspec.structs.replace(figure, plausible=False)
    if growth < max(_LEAST_GROWTH_TOKENS, _LEAST_GROWTH_SHARE * last.counted):
        return last
    least_growth = _LEAST_GROWTH * growth - _LEAST_SLACK_TOKENS
    plausible = is_open or least_growth <= reported_growth <= _MOST_SHARE * growth + _MOST_SLACK_TOKENS
    return msgspec.structs.replace(figure, plausible=plausible)


def teaches(figure: Figure) -> bool:
    """True if the estimator may learn from *figure*: not from one that only the smallness of a request excuses."""
    return figure.plausible and figure.reported >= _LEAST_SHARE * (figure.counted - figure.media)


def is_usual(content: Sequence[Block], reported: int) -> bool:
    """True if a single text is *reported* as it usually is, so that there is nothing to judge: nearly always."""
    if len(content) != 1 or type(content[0]) is not Text:
        return False
    chars = len(content[0].text)
    return chars <= _USUAL_CHARS * reported and _LEAST_CHARS * reported <= chars and content[0].text.isascii()


def is_plausible_output(counted: int, reported: int, thinks: bool) -> bool:
    """True if an answer of which our count is *counted* may come to *reported* tokens. Thinking may not be shown."""
    if reported < _LEAST_SHARE * counted - _LEAST_SLACK_TOKENS or (counted and not reported):
        return False
    return thinks or reported <= _MOST_SHARE * counted + _OUTPUT_SLACK_TOKENS
