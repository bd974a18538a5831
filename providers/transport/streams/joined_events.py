"""Events that came as one: objects in one line of data, lines of data without a blank line between them."""

import re

from .json_objects import ObjectStream

END = b"[DONE]"
# Between the objects: a field's name that a gateway repeats, the brackets of an array, the marker of the end.
_between = re.compile(rb'(?:[\s,\[\]]|data:|"?\[DONE\]"?)*', re.IGNORECASE).fullmatch
_sign_of_life = re.compile(rb"\W*(?:ping|keep-?alive|heartbeat|openrouter processing)\W*", re.IGNORECASE).fullmatch


def separate_events(data: bytes) -> list[bytes] | None:
    """The events in *data*, which is no single one: maybe none. ``None`` if it is something else."""
    if _sign_of_life(data):
        return []
    events = ObjectStream(provider="").feed(data)
    between, start = b"", 0
    for event in events:
        at = data.index(event, start)
        between += data[start:at]
        start = at + len(event)
    between += data[start:]
    ends = END in between.upper()
    if events == [data] or not (events or ends) or not _between(between):
        return None
    return [*events, END] if ends else events
