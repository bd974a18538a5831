"""Reading the history of a session from its actor."""

from functools import partial

from ....providers.schema.messages import Message
from ...cluster.refs import HostRef
from ...session.host import SessionKey
from ...session.pages import HistoryPosition, HistorySelection, decode_history_page
from .session_calls import SessionCalls


async def read_history(calls: SessionCalls, full: bool, selection: HistorySelection) -> tuple[Message, ...]:
    """The messages of *selection*; if *full*, with those that compactions removed, and without summaries."""
    messages = list[Message]()
    position: HistoryPosition | None = None
    while True:
        read_page = partial(_history_page, calls.session.key, full, position, selection)
        page = decode_history_page(await calls.call(read_page))
        messages[page.start :] = page.messages  # from the start again, if the history has lost messages meanwhile
        if page.next is None:
            return tuple(messages)
        position = page.next


async def _history_page(
    key: SessionKey, full: bool, position: HistoryPosition | None, selection: HistorySelection, host: HostRef
) -> bytes:
    return await host.call(lambda actor: actor.history.remote(key, full, position, selection))
