"""Records for storage: what any version has stored is read, or it is named why not."""

import json
from pathlib import Path
from typing import get_args
from zlib import crc32

import msgspec
import pytest
from builders.conversation import conversation_in
from core.records.test_records import EVENTS

from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.journal import codec
from rayconteur.runtime.journal.codec import (
    Fields,
    decoded_record,
    decoded_snapshot,
    encoded_record,
    encoded_snapshot,
)
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.journal.errors import CorruptRecord, UnknownRecord

S = SessionKey("s", 1)
STORED = bytes.fromhex("82a56576656e74ac6261636b6f6666656e646564a77265717565737407")
"""``BackoffEnded(request=7)``, in version 1."""
SAMPLES: list[Fields] = json.loads((Path(__file__).parents[1] / "samples/journal/records.json").read_text())
"""Records as they were stored. None is ever changed: add those of new kinds and versions."""
TRIMMED = ev.Record(3, ev.HistoryTrimmed(limit_bytes=5))


def entry(kind: str, version: int, data: bytes) -> Entry:
    return Entry(S, 1, 4, 0, 0.0, kind, version, crc32(data), data)


@pytest.mark.parametrize("event", [event for _, event in EVENTS], ids=lambda event: type(event).__name__)
def test_every_event_is_stored_and_read(event: ev.Event) -> None:
    record = ev.Record(7, event)

    stored = encoded_record(record, S, incarnation=2, seq=30, at=1.5, events=b"events")

    assert stored.events == b"events"
    assert (stored.session, stored.incarnation, stored.number, stored.seq, stored.at) == (S, 2, 7, 30, 1.5)
    assert decoded_record(stored) == record


def test_there_is_a_stored_record_of_every_kind() -> None:
    assert {stored["kind"] for stored in SAMPLES} == codec.VERSIONS.keys() - {codec.SNAPSHOT}


@pytest.mark.parametrize("stored", SAMPLES, ids=lambda stored: f"{stored['kind']} {stored['version']}")
def test_what_was_stored_once_is_read_and_stored_the_same_or_in_a_later_form_that_is_read_the_same(
    stored: Fields,
) -> None:
    data, version = bytes.fromhex(stored["data"]), stored["version"]

    record = decoded_record(entry(stored["kind"], version, data))
    now = encoded_record(record, S, 1, 0, 0.0)

    assert version < codec.VERSIONS[stored["kind"]] or now.data.hex() in {sample["data"] for sample in SAMPLES}
    assert decoded_record(now).event == record.event


def test_every_kind_has_a_version() -> None:
    kinds = {str(event.__struct_config__.tag) for event in get_args(ev.Event)}

    assert codec.VERSIONS.keys() == {*kinds, codec.SNAPSHOT}


@pytest.mark.parametrize("kind", ["mystery", "backoffended"])
def test_an_unknown_kind_or_version_is_named(kind: str) -> None:
    with pytest.raises(UnknownRecord, match=rf"{kind}.*update") as raised:
        decoded_record(entry(kind, 9, STORED))

    assert (raised.value.kind, raised.value.version) == (kind, 9)


@pytest.mark.parametrize("place", range(len(STORED)))
def test_a_record_with_a_changed_byte_is_corrupt(place: int) -> None:
    changed = bytes([*STORED[:place], STORED[place] ^ 1, *STORED[place + 1 :]])
    damaged = msgspec.structs.replace(entry("backoffended", 1, STORED), data=changed)

    with pytest.raises(CorruptRecord, match="record 4 of session s is damaged") as raised:
        decoded_record(damaged)
    assert (raised.value.session_id, raised.value.number) == ("s", 4)


@pytest.mark.parametrize("data", [b"", STORED[:-1], b"\x01", msgspec.msgpack.encode({"event": "answered"})])
def test_a_record_that_is_no_event_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptRecord, match="record 4 of session s is no backoffended"):
        decoded_record(entry("backoffended", 1, data))


@pytest.fixture
def three_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """``HistoryTrimmed`` as if this were its third version."""
    monkeypatch.setattr(codec, "VERSIONS", {**codec.VERSIONS, "historytrimmed": 3})


@pytest.mark.usefixtures("three_versions")
@pytest.mark.parametrize(
    ("version", "fields"), [(1, {"limit_kb": 5}), (2, {"limit": 5}), (3, {"limit_bytes": 5})], ids=["1", "2", "3"]
)
def test_old_versions_are_brought_to_the_current_one_step_by_step(version: int, fields: Fields) -> None:
    upcasters: codec.Upcasters = {
        ("historytrimmed", 1): lambda old: {"event": old["event"], "limit": old["limit_kb"]},
        ("historytrimmed", 2): lambda old: {"event": old["event"], "limit_bytes": old["limit"]},
    }
    data = msgspec.msgpack.encode({"event": "historytrimmed", **fields})

    record = decoded_record(entry("historytrimmed", version, data), upcasters)

    assert record.event == TRIMMED.event


def test_every_older_version_of_each_kind_has_an_upcaster() -> None:
    needed = {(kind, old) for kind, version in codec.VERSIONS.items() for old in range(1, version)}

    assert codec.UPCASTERS.keys() == needed


def test_damaged_events_of_a_record_are_noticed() -> None:
    stored = encoded_record(TRIMMED, S, incarnation=1, seq=0, at=0.0, events=b"events")

    with pytest.raises(CorruptRecord):
        decoded_record(msgspec.structs.replace(stored, events=b"evemts"))


def test_a_snapshot_is_stored_and_read_and_one_that_is_damaged_is_named() -> None:
    snapshot = conversation_in(State.TOOLS_OUT).snapshot()

    stored = encoded_snapshot(snapshot, S, seq=12)

    assert (stored.session, stored.number, stored.seq) == (S, snapshot.record, 12)
    assert decoded_snapshot(stored) == snapshot
    with pytest.raises(CorruptRecord, match=f"snapshot after record {snapshot.record} of s"):
        decoded_snapshot(msgspec.structs.replace(stored, data=stored.data[:-1]))
