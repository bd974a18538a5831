"""Conversations in files: JSON Lines, a header and then one message per line.

The header names the format and its version. A later version of the package reads all earlier ones; new members of a
message do not change the version, since readers ignore members that they don't know.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.messages import Message
from .errors import InvalidExport

FORMAT = "rayconteur-conversation"
VERSION = 1

_SHOWN_CHARS = 40


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    version: int
    session_id: str
    messages: int


_encode = msgspec.json.Encoder().encode
_header = msgspec.json.Decoder(_Header).decode
_message = msgspec.json.Decoder(Message).decode


def encode_export(session_id: str, messages: Sequence[Message]) -> bytes:
    """The conversation of *session_id* in JSON Lines."""
    header = _Header(format=FORMAT, version=VERSION, session_id=session_id, messages=len(messages))
    return b"".join(line + b"\n" for line in (_encode(header), *map(_encode, messages)))


def decode_export(data: bytes) -> tuple[Message, ...]:
    """The messages of a conversation that ``encode_export`` has written.

    Raises:
        InvalidExport: it is damaged, no export, or of a newer version; the line is named, and the reason.
    """
    first, *lines = data.removesuffix(b"\n").split(b"\n")
    header = _read_header(first)
    messages = tuple(_read_messages(lines))
    if len(messages) != header.messages:
        problem = f"the file ends after {len(messages):,} messages, and its header says {header.messages:,}"
        raise _invalid(problem, len(lines) + 1)
    return messages


def _read_header(line: bytes) -> _Header:
    try:
        header = _header(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(
            f"this is no header as session.export() writes it: {shown(str(error), quoted=False)}", 1
        ) from None
    if header.format != FORMAT:
        raise _invalid(f"the format is {header.format[:_SHOWN_CHARS]!r}, not {FORMAT!r}", 1)
    if header.version > VERSION:
        raise _invalid(
            f"a newer rayconteur wrote it, in version {header.version} of the format; this one reads version {VERSION}",
            1,
        )
    if header.version < 1:
        raise _invalid(f"the format has no version {header.version}", 1)
    return header


def _read_messages(lines: Iterable[bytes]) -> Iterator[Message]:
    for number, line in enumerate(lines, start=2):
        try:
            yield _message(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _invalid(shown(str(error), quoted=False), number) from None


def _invalid(problem: str, line: int) -> InvalidExport:
    return InvalidExport(f"line {line}: {problem}", line)
