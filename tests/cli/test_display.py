"""How a demo is shown, without running one."""

import io
import json

import msgspec
import pytest
from rich.console import Console

from rayconteur import Completed, Failed, FromLLM, StreamStarted, TextChunk, Usage
from rayconteur.cli.board import Board
from rayconteur.cli.display import Display, JSONLines, PlainLines
from rayconteur.cli.output import Output, printable
from rayconteur.cli.table import LiveTable
from rayconteur.providers import StopReason


def show(display: Display, *events: FromLLM) -> None:
    """A demo of one session, in which *events* happen."""
    board = Board([event.session_id for event in events], spawn_s=1.0, began_at=0.0)
    display.starting()
    display.spawned(1, 1)
    display.asking(board)
    for event in events:
        display.took(event, board.take(event, 1.0), 1.0)
    display.ended(board.summary(2.0))


def said(text: str, session_id: str = "raven") -> tuple[FromLLM, ...]:
    return (
        StreamStarted(session_id=session_id, seq=1, turn=1, message_id="m", model="m"),
        TextChunk(session_id=session_id, seq=2, turn=1, text=text),
        Completed(
            session_id=session_id,
            seq=3,
            turn=1,
            stop_reason=StopReason.END_TURN,
            raw_stop_reason=None,
            usage=Usage(),
            requests=1,
        ),
    )


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    return Output(on_gone=lambda: pytest.fail("the output is there"))


def written(output: Output) -> str:
    assert isinstance(output.stream, io.StringIO)
    return output.stream.getvalue()


def test_json_lines_hold_the_events_as_the_library_gives_them(output: Output) -> None:
    events = said("one\ntwo\x1b[2J")

    show(JSONLines(output), *events)

    lines = written(output).splitlines()
    assert json.loads(lines[0]) == {"kind": "spawning", "done": 1, "total": 1}
    assert [msgspec.json.decode(line, type=FromLLM) for line in lines[1:-1]] == list(events)
    assert json.loads(lines[-1])["kind"] == "summary"


def test_plain_lines_tell_each_end_of_a_turn(output: Output) -> None:
    failure = Failed(session_id="crow", code="unavailable", message="nobody there", retryable=True)

    show(PlainLines(output), *said("Nevermore."), failure)

    lines = written(output).splitlines()
    assert lines[1] == "spawned 1 of 1 sessions"
    assert lines[2].startswith("raven  done  ")
    assert lines[2].endswith("Nevermore.")
    assert lines[3].startswith("crow  failed  ")
    assert lines[3].endswith("nobody there")
    assert lines[4].startswith("2 sessions: turns 1 completed, 1 failed; ~3 tokens in 2.0 s")


def test_no_text_steers_the_terminal(output: Output) -> None:
    show(PlainLines(output), *said("a\x1b[2Jb\x07c\x9bd\re"))

    assert "a[2Jbcd e" in written(output)
    assert printable("tabs\tand\nlines stay\x00") == "tabs\tand\nlines stay"


@pytest.mark.parametrize("sessions", [1, 3, 16, 200])
@pytest.mark.parametrize(("width", "height"), [(100, 24), (60, 12), (200, 60)])
def test_the_table_fits_its_terminal(sessions: int, width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height)
    table = LiveTable(console)
    events = [event for number in range(sessions) for event in said("Caw, caw. " * 50, f"raven-{number:03}")]

    show(table, *events)

    lines = console.render_lines(table.picture(), pad=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert len(texts) <= height
    assert max(map(len, texts)) <= width
    assert sum("raven-" in text for text in texts) == min(sessions, height - 6 if sessions > height - 5 else sessions)


def test_the_table_shows_failures_where_there_is_no_room_for_all() -> None:
    console = Console(file=io.StringIO(), width=100, height=12)
    table = LiveTable(console)
    many = [event for number in range(50) for event in said("Caw.", f"raven-{number}")]

    show(table, *many, Failed(session_id="crow", code="x", message="nobody there", retryable=False))

    with console.capture() as caught:
        console.print(table.picture())
    assert "crow" in caught.get()
    assert "nobody there" in caught.get()
