"""The displays of a demo, fed with events."""

import io
import json

import msgspec
import pytest
from rich.console import Console

from rayconteur import Completed, Failed, FromLLM, StreamStarted, TextChunk, Usage
from rayconteur.cli.demo.display import Display, JSONDisplay, PlainDisplay
from rayconteur.cli.demo.formatting import fitted_ids
from rayconteur.cli.demo.progress import DemoProgress
from rayconteur.cli.demo.table import TableDisplay
from rayconteur.cli.formatting import printable
from rayconteur.cli.output import Output
from rayconteur.providers import StopReason


def show(display: Display, *events: FromLLM) -> None:
    """Show a demo of the sessions of *events*."""
    progress = DemoProgress([event.session_id for event in events], spawn_s=1.0, started_at=0.0)
    display.show_starting()
    display.show_spawned(1, 1)
    display.show_progress(progress)
    for event in events:
        display.show_event(event, progress.apply(event, 1.0), 1.0)
    display.show_summary(progress.summary(2.0))


def answer_events(text: str, session_id: str = "raven") -> tuple[FromLLM, ...]:
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
    return Output(on_gone=lambda: pytest.fail("standard output is gone"))


def written(output: Output) -> str:
    assert isinstance(output.stream, io.StringIO)
    return output.stream.getvalue()


def test_json_lines_are_the_events_as_the_library_delivers_them(output: Output) -> None:
    events = answer_events("one\ntwo\x1b[2J")

    show(JSONDisplay(output), *events)

    lines = written(output).splitlines()
    assert json.loads(lines[0]) == {"kind": "spawning", "done": 1, "total": 1}
    assert [msgspec.json.decode(line, type=FromLLM) for line in lines[1:-1]] == list(events)
    assert json.loads(lines[-1])["kind"] == "summary"


def test_plain_lines_report_the_end_of_each_turn(output: Output) -> None:
    failure = Failed(session_id="crow", code="unavailable", message="nobody there", retryable=True)

    show(PlainDisplay(output), *answer_events("Nevermore."), failure)

    lines = written(output).splitlines()
    assert lines[1] == "spawned 1 of 1 sessions"
    assert lines[2].startswith("raven  done  ")
    assert lines[2].endswith("Nevermore.")
    assert lines[3].startswith("crow  failed  ")
    assert lines[3].endswith("nobody there")
    assert lines[4].startswith("2 sessions: turns 1 completed, 1 failed; ~3 tokens in 2.0 s")


def test_control_characters_are_removed_from_text(output: Output) -> None:
    show(PlainDisplay(output), *answer_events("a\x1b[2Jb\x07c\x9bd\re"))

    assert "a[2Jbcd e" in written(output)
    assert printable("tabs\tand\nlines stay\x00") == "tabs\tand\nlines stay"


@pytest.mark.parametrize("sessions", [1, 3, 16, 200])
@pytest.mark.parametrize(("width", "height"), [(100, 24), (60, 12), (200, 60)])
def test_the_table_fits_into_the_terminal(sessions: int, width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height)
    table = TableDisplay(console)
    events = [event for number in range(sessions) for event in answer_events("Caw, caw. " * 50, f"raven-{number:03}")]

    show(table, *events)

    lines = console.render_lines(table.render(), pad=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert len(texts) <= height
    assert max(map(len, texts)) <= width
    assert sum("raven-" in text for text in texts) == min(sessions, height - 6 if sessions > height - 5 else sessions)


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
def test_the_ids_stay_distinct_in_a_narrow_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=40)
    table = TableDisplay(console)
    events = [event for number in range(12) for event in answer_events("Caw.", f"demo-1f2e3d4c5b6a-{number:02}")]

    show(table, *events)

    lines = console.render_lines(table.render(), pad=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    ids = [text.split()[0] for text in texts if "done" in text]
    assert [session_id[-2:] for session_id in ids] == [f"{number:02}" for number in range(12)]
    assert len(set(ids)) == 12


def test_the_end_of_a_single_long_id_is_shown() -> None:
    assert fitted_ids(["demo-1f2e3d4c5b6a-01"], 8) == ["…5b6a-01"]
    assert fitted_ids(["raven", "robin"], 8) == ["raven", "robin"]
    assert fitted_ids(["raven-nest-1", "robin-nest-1"], 8) == ["raven-nest-1", "robin-nest-1"]
    assert fitted_ids([], 8) == []


def test_the_table_shows_failures_first_if_there_is_no_room_for_all() -> None:
    console = Console(file=io.StringIO(), width=100, height=12)
    table = TableDisplay(console)
    many = [event for number in range(50) for event in answer_events("Caw.", f"raven-{number}")]

    show(table, *many, Failed(session_id="crow", code="x", message="nobody there", retryable=False))

    with console.capture() as caught:
        console.print(table.render())
    assert "crow" in caught.get()
    assert "nobody there" in caught.get()
