"""Reading exported conversations."""

from os import PathLike
from pathlib import Path

from ...providers.schema.messages import Message
from ..api.export import decode_export


def load(source: str | PathLike[str] | bytes) -> tuple[Message, ...]:
    """The messages of a conversation that ``session.export()`` has written: an initial history for ``spawn``.

    *source* is the path of a file, or as bytes its content.

    Raises:
        InvalidExport: it is damaged, no export, or of a newer version; its *line* is named, and the reason.
        OSError: the file can't be read.
    """
    return decode_export(source if isinstance(source, bytes) else Path(source).read_bytes())
