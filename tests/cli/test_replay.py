"""`rayconteur replay`: what each record of a session did, what differs now, and what another model says."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest
from fixtures.killable_host import KEY, Namespace
from fixtures.session import scripted_config
from fixtures.terminal import HEAVY_MODULES, modules_loaded_by
from typer.testing import CliRunner, Result

import rayconteur as rc
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.cli.main import app
from rayconteur.runtime import ApprovalPolicy, Close
from rayconteur.runtime.journal.codec import checksum_of
from rayconteur.runtime.journal.entry import SessionKey
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal
from rayconteur.runtime.journal.sqlite.store import SQLiteStore
from rayconteur.scripted import Call, Say

TOOL = rc.Tool(name="look", description="Look something up.", input_schema={"type": "object"})
CONFIG = scripted_config(
    (Say(text="Nevermore."),),
    (Call(name="look", input={"for": "Lenore"}),),
    (Say(text="Found her."),),
    (Say(text="Farewell."),),
    tools=(TOOL,),
)
RESULT = "in the \x1b[31mchamber"


def is_end(turn: int, event: rc.FromLLM) -> bool:
    return isinstance(event, rc.Completed) and event.turn == turn


async def record(path: Path) -> None:
    """Three turns, the second of which has a tool."""
    journal = await SQLiteJournal.open(path)
    namespace = Namespace(journal)
    await namespace.open(CONFIG)
    await namespace.host.ask("Who is it?")
    await namespace.wait_for(partial(is_end, 1))
    await namespace.host.ask("Where is Lenore?")
    batch = await namespace.wait_for(lambda event: isinstance(event, rc.ToolBatch))
    assert isinstance(batch, rc.ToolBatch)
    result = rc.ToolResult(tool_use_id=batch.uses[0].id, content=(rc.Text(RESULT),))
    await namespace.host.send(rc.ToolResults(results=(result,)))
    await namespace.wait_for(partial(is_end, 2))
    await namespace.host.ask("Leave me!")
    await namespace.wait_for(partial(is_end, 3))
    await namespace.stop()
    await journal.aclose()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "journal.db"
    asyncio.run(record(path))
    return path


@pytest.fixture
def journal(recorded: Path, tmp_path: Path) -> Path:
    """A copy of the journal, to be changed."""
    (tmp_path / "journal.db").write_bytes(recorded.read_bytes())
    return tmp_path / "journal.db"


def replayed(journal: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", KEY[0], "--journal", str(journal), *arguments])


def objects(result: Result, kind: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return [each for each in found if each["line"] == kind]


def contents(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def change(journal: Path, number: int, data: bytes | None = None, **columns: object) -> None:
    """Change a record in the file: *columns* of it, or its *data*, with a fitting checksum."""
    connection = sqlite3.connect(journal)
    place = (1 << 32) + number
    (events,) = connection.execute("SELECT events FROM records WHERE place = ?", (place,)).fetchone()
    if data is not None:
        columns |= {"data": data, "checksum": checksum_of(data, events)}
    for name, value in columns.items():
        connection.execute(f"UPDATE records SET {name} = ? WHERE place = ?", (value, place))
    connection.commit()
    connection.close()


def test_each_record_is_a_line_that_says_what_it_did_and_the_journal_stays_as_it_is(journal: Path) -> None:
    before = contents(journal.parent)

    result = replayed(journal)

    lines = result.stdout.splitlines()
    assert result.exit_code == ExitCode.COMPLETED, result.output
    assert [line.split()[0] for line in lines[:-2]] == [str(number) for number in range(1, len(lines) - 1)]
    assert "opened" in lines[0]
    assert "unopened → idle" in lines[0]
    assert "received usermessage" in lines[1]
    assert "idle → requesting, +1 messages, +1 turns, +1 requests, turnstarted  'Who is it?'" in lines[1]
    assert "completed  'Nevermore.'" in lines[2]
    assert lines[-2].startswith(f"after record {len(lines) - 2}: idle, 8 messages, 0 queued, 3 turns, 4 requests")
    assert lines[-1] == f"{len(lines) - 2} records replayed, 0 differ from what is recorded"
    assert contents(journal.parent) == before


def test_the_log_of_a_program_that_was_killed_is_read_and_stays_as_it_is(journal: Path, tmp_path: Path) -> None:
    asyncio.run(killed(journal, tmp_path / "copy"))
    before = contents(tmp_path / "copy")
    assert before.keys() == {"journal.db", "journal.db-wal"}

    result = replayed(tmp_path / "copy" / "journal.db")

    assert result.exit_code == ExitCode.COMPLETED, result.output
    assert "closed" in result.stdout.splitlines()[-3]
    assert contents(tmp_path / "copy") == before


async def killed(journal: Path, copy: Path) -> None:
    """The files as they are just after the session was closed, before those of the program that did so are."""
    opened = await SQLiteJournal.open(journal)
    namespace = Namespace(opened)
    await namespace.recover()
    await namespace.host.send(Close())
    copy_files(journal.parent, copy)
    await namespace.stop()
    await opened.aclose()


def copy_files(source: Path, copy: Path) -> None:
    files = [file for file in source.iterdir() if file.is_file()]
    copy.mkdir()
    for file in files:
        (copy / file.name).write_bytes(file.read_bytes())


def test_up_to_a_record_it_is_shown_and_the_state_after_it(journal: Path) -> None:
    result = replayed(journal, "--at", "3", "--json")

    assert [each["record"] for each in objects(result, "record")] == [1, 2, 3]
    (state,) = objects(result, "state")
    assert (state["phase"], state["messages"], state["turns"]) == ("idle", 2, 1)
    (summary,) = objects(result, "summary")
    assert summary["differing"] == 0
    assert summary["records"] > 3  # type: ignore[operator]


def test_what_this_version_does_otherwise_is_named(journal: Path) -> None:
    fields = msgspec.msgpack.decode(asyncio.run(data_of(journal, 3)))
    fields["answer"]["raw_stop_reason"] = "tired"
    change(journal, 3, msgspec.msgpack.encode(fields))
    change(journal, 4, msgspec.msgpack.encode(fields | {"request": 9}), kind="answered")

    result = replayed(journal, "--at", "2")

    lines = result.stdout.splitlines()
    assert result.exit_code == ExitCode.FAILED
    assert lines[2].startswith("after record 2: requesting")
    assert "answered" in lines[3]
    assert lines[4] == "         ≠ completed.raw_stop_reason: recorded 'end_turn', now 'tired'"
    assert lines[6] == "         ≠ nothing waits for it now"
    assert "         ≠ turnstarted.turn: recorded 3, now 2" in lines  # what still applies does
    assert "records replayed" in lines[-1]


async def data_of(path: Path, number: int) -> bytes:
    journal = await SQLiteJournal.open(path)
    (entry,) = await journal.read(SessionKey(*KEY), number - 1, 1)
    await journal.aclose()
    return entry.data


def test_a_damaged_record_is_named_after_all_before_it(journal: Path) -> None:
    change(journal, 3, checksum=1)

    result = replayed(journal)

    assert result.exit_code == ExitCode.FAILED
    assert [line.split()[0] for line in result.stdout.splitlines()[:2]] == ["1", "2"]
    assert result.stderr == "rayconteur: record 3 of session raven is damaged\n"


def test_a_record_that_is_missing_is_named_after_all_before_it(journal: Path) -> None:
    connection = sqlite3.connect(journal)
    connection.execute("DELETE FROM records WHERE place = ?", ((1 << 32) + 3,))
    connection.commit()
    connection.close()

    result = replayed(journal)

    assert result.exit_code == ExitCode.FAILED
    assert result.stderr == "rayconteur: record 3 of session raven is missing\n"


def test_a_record_of_a_newer_version_is_named_after_all_before_it(journal: Path) -> None:
    change(journal, 3, version=9)

    result = replayed(journal)

    assert result.exit_code == ExitCode.FAILED
    assert "version 9 of the record 'answered': update it" in result.stderr


def test_a_model_is_asked_what_was_asked_after_a_record_and_tools_have_their_recorded_results(journal: Path) -> None:
    file = journal.parent / "config.json"
    script = rc.scripted.Script(answers=((Call(name="look", input={"for": "Lenore"}),), (Say(text="Here."),)))
    config = rc.SessionConfig(provider=rc.Scripted(script=script), tools=(TOOL,))
    file.write_bytes(msgspec.json.encode(config))

    result = replayed(journal, "--at", "3", "--against", str(file), "--json")

    assert result.exit_code == ExitCode.COMPLETED, result.output
    first, second = objects(result, "answer")
    assert first == {
        "line": "answer",
        "turn": 2,
        "asked": "Where is Lenore?",
        "recorded": "Found her.",
        "now": "Here.",
        "failure": None,
    }
    assert (second["asked"], second["recorded"]) == ("Leave me!", "Farewell.")


def test_no_function_of_the_session_decides_about_approval(journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = journal.parent / "config.json"
    script = rc.scripted.Script(answers=((Call(name="look"),), (Say(text="Here."),)))
    policy = ApprovalPolicy(b"no pickle")
    file.write_bytes(msgspec.json.encode(rc.SessionConfig(provider=rc.Scripted(script=script), approve=policy)))

    result = replayed(journal, "--at", "3", "--against", str(file), "--json")

    assert objects(result, "answer")[0]["now"] == "Here."
    assert "approval of the tool" not in caplog.text


def test_answers_are_shown_beside_the_recorded_ones(journal: Path) -> None:
    lines = replayed(journal, "--against", "scripted").stdout.splitlines()

    at = lines.index("turn 1")
    assert lines[at : at + 4] == [
        "turn 1",
        "  asked     Who is it?",
        "  recorded  Nevermore.",
        "  now       Who is it?",
    ]
    assert "turn 3" in lines


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["replay", "ghost", "--journal", "{journal}"], "the journal has no session ghost"),
        (["replay", "raven", "--epoch", "2", "--journal", "{journal}"], "the journal has no session raven"),
        (["replay", "raven", "--at", "99", "--journal", "{journal}"], "--at: session raven has"),
        (["replay", "raven", "--against", "delphi:x", "--journal", "{journal}"], "no provider"),
    ],
)
def test_what_is_not_there_is_a_usage_error(journal: Path, arguments: Sequence[str], problem: str) -> None:
    result = CliRunner().invoke(app, [each.format(journal=journal) for each in arguments])

    assert result.exit_code == ExitCode.USAGE
    assert problem in result.stderr


@pytest.mark.parametrize("place", ["{folder}/none.db", "{folder}", "{folder}/empty.db"])
def test_a_place_without_a_journal_is_left_as_it_is(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    result = CliRunner().invoke(app, ["replay", "raven", "--journal", place.format(folder=tmp_path)])

    assert result.exit_code == ExitCode.FAILED
    assert str(tmp_path) in result.stderr
    assert contents(tmp_path) == {"empty.db": hashlib.sha256(b"").hexdigest()}


def test_a_journal_that_is_in_use_is_refused(journal: Path) -> None:
    held = SQLiteStore(str(journal))

    result = replayed(journal)

    held.close()
    assert result.exit_code == ExitCode.FAILED
    assert "is in use" in result.stderr


def test_it_loads_no_ray(journal: Path) -> None:
    done, modules = modules_loaded_by("replay", KEY[0], "--journal", str(journal), "--against", "scripted")

    assert done.returncode == ExitCode.COMPLETED
    assert modules & HEAVY_MODULES == set()
