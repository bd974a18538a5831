"""Encoding records and snapshots for storage, and decoding those that any version of this package has stored.

Each kind of record has a version of its own. Who changes an event so that old data no longer decodes raises its version
in ``VERSIONS``, and adds an upcaster from the version before to ``UPCASTERS``: it changes the decoded fields.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args
from zlib import crc32

import msgspec

from ..core import events as ev
from ..core.past.snapshot import Snapshot
from .entry import Entry, SessionKey, StoredSnapshot
from .errors import CorruptRecord, UnknownRecord

Fields = dict[str, Any]
"""A record or a snapshot, decoded without its types."""

Upcasters = Mapping[tuple[str, int], Callable[[Fields], Fields]]
"""By kind and version, what makes fields of the next version of those of this one."""

SNAPSHOT = "snapshot"

VERSIONS: Mapping[str, int] = {_event.__struct_config__.tag: 1 for _event in get_args(ev.Event)} | {SNAPSHOT: 1}
"""The version in which each kind is written."""

UPCASTERS: Upcasters = {}

_encoder = msgspec.msgpack.Encoder()
_event_decoder = msgspec.msgpack.Decoder(ev.Event)
_snapshot_decoder = msgspec.msgpack.Decoder(Snapshot)


def encoded_record(
    record: ev.Record, session: SessionKey, incarnation: int, seq: int, at: float, events: bytes = b""
) -> Entry:
    """*record* of *session* for storage. The other arguments are the fields of ``Entry``."""
    kind = str(record.event.__struct_config__.tag)
    data = _encoder.encode(record.event)
    return Entry(
        session, incarnation, record.number, seq, at, kind, VERSIONS[kind], checksum_of(data, events), data, events
    )


def decoded_record(entry: Entry, upcasters: Upcasters = UPCASTERS) -> ev.Record:
    """The record that *entry* was made of.

    Raises:
        CorruptRecord: it is damaged.
        UnknownRecord: it is of an unknown kind, or of a newer version.
    """
    require_intact(entry)
    data = _current(entry.kind, entry.version, entry.data, upcasters)
    try:
        return ev.Record(entry.number, _event_decoder.decode(data))
    except msgspec.MsgspecError as error:
        raise CorruptRecord(f"{_named(entry)} is no {entry.kind}: {error}", entry.session.id, entry.number) from error


def encoded_snapshot(snapshot: Snapshot, session: SessionKey, seq: int) -> StoredSnapshot:
    """*snapshot* of *session* for storage; *seq* as in ``Entry``."""
    data = _encoder.encode(snapshot)
    return StoredSnapshot(session, snapshot.record, seq, VERSIONS[SNAPSHOT], crc32(data), data)


def decoded_snapshot(stored: StoredSnapshot, upcasters: Upcasters = UPCASTERS) -> Snapshot:
    """The snapshot that *stored* was made of. Raises what ``decoded_record`` does: the records are there without it."""
    number, session_id = stored.number, stored.session.id
    if crc32(stored.data) != stored.checksum:
        raise CorruptRecord(f"the snapshot after record {number} of {stored.session} is damaged", session_id, number)
    data = _current(SNAPSHOT, stored.version, stored.data, upcasters)
    try:
        return _snapshot_decoder.decode(data)
    except msgspec.MsgspecError as error:
        message = f"the snapshot after record {number} of {stored.session} can't be read: {error}"
        raise CorruptRecord(message, session_id, number) from error


def checksum_of(data: bytes, events: bytes = b"") -> int:
    """The checksum of an entry."""
    return crc32(events, crc32(data))


def require_intact(entry: Entry) -> None:
    """Raises:
    CorruptRecord: the data of *entry* is not what was stored.
    """
    if checksum_of(entry.data, entry.events) != entry.checksum:
        raise CorruptRecord(f"{_named(entry)} is damaged", entry.session.id, entry.number)


def _named(entry: Entry) -> str:
    return f"record {entry.number} of session {entry.session}"


def _current(kind: str, version: int, data: bytes, upcasters: Upcasters) -> bytes:
    """*data* of *kind* as the current version has it."""
    known = VERSIONS.get(kind)
    if known is None or version > known:
        what = f"version {version} of the record {kind!r}" if known else f"the kind of record {kind!r}"
        raise UnknownRecord(f"this version of rayconteur does not know {what}: update it", kind, version)
    if version == known:
        return data
    fields = msgspec.msgpack.decode(data)
    for old in range(version, known):
        fields = upcasters[kind, old](fields)
    return _encoder.encode(fields)
