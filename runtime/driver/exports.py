"""Exported conversations."""

import asyncio
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ...providers.schema.messages import Message
from ..api.export import decode_export, encode_export


def load(source: str | PathLike[str] | bytes) -> tuple[Message, ...]:
    """The messages of a conversation that ``session.export()`` has written: an initial history for ``spawn``.

    *source* is the path of a file, or as bytes its content.

    Raises:
        InvalidExport: it is damaged, no export, or of a newer version; its *line* is named, and the reason.
        OSError: the file can't be read.
    """
    return decode_export(source if isinstance(source, bytes) else Path(source).read_bytes())


async def export(session_id: str, messages: Sequence[Message], path: str | PathLike[str] | None) -> bytes:
    """*messages* of a session in JSON Lines; also written to *path*, if one is given."""
    data = await asyncio.to_thread(encode_export, session_id, messages)
    if path is not None:
        await asyncio.to_thread(Path(path).write_bytes, data)
    return data
