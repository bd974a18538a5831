"""Log records as JSON lines: with the ids of session, turn and correlation, and nothing of what was said."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from fixtures.session import running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime import JSONFormatter
from rayconteur.runtime.cluster.actor_logs import Logged, logged

SECRET = "the raven's secret"


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What is logged from DEBUG on, as JSON lines."""
    stream, logger = StringIO(), logging.getLogger("rayconteur")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(level)


def lines(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_what_is_logged_of_a_turn_has_its_ids(written: StringIO) -> None:
    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=rc.Scripted())) as session:
            session.tell(rc.UserMessage(content=(rc.Text(SECRET),), correlation_id="order-7"))
            await session.wait_for_event(rc.Completed)

    run(main())

    of_turn = [line for line in lines(written) if line.get("turn") == 1]
    assert {line["session"] for line in of_turn} == {"s"}
    assert [line["correlation_id"] for line in of_turn if "completed" in line["message"]] == ["order-7"]
    assert {"requests" in line["message"] or "sends" in line["message"] for line in of_turn} == {True, False}
    assert SECRET not in written.getvalue()


def test_a_line_has_the_time_in_utc_and_the_traceback_of_an_error(written: StringIO) -> None:
    record = logging.makeLogRecord({"created": 1_700_000_000.25, "name": "rayconteur.x", "msg": "n %d", "args": (1,)})
    try:
        raise ValueError("broken\nin two lines")
    except ValueError as error:
        logging.getLogger("rayconteur.x").error("it failed", exc_info=error)

    [failed] = lines(written)
    assert failed["level"] == "ERROR"
    assert failed["exception"].endswith("ValueError: broken\nin two lines")
    formatted = json.loads(JSONFormatter().format(record))
    assert formatted["time"] == "2023-11-14T22:13:20.250+00:00"
    assert (formatted["logger"], formatted["message"]) == ("rayconteur.x", "n 1")
    assert "session" not in formatted


def test_actors_log_as_the_program_that_starts_them(written: StringIO) -> None:
    assert logged() == Logged(logging.DEBUG, json=True)


def test_without_such_a_formatter_actors_log_text() -> None:
    assert not logged().json
