"""The blocking API: the async API for scripts that can't await."""

import gc
import inspect
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures.rejections import ECHO, rejected, scripted, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import RuntimeClosed, UnknownSession
from rayconteur.runtime import Reader, State
from rayconteur.scripted import Call, Say, Wait

HANGS = (Wait(),)
ASKS_TWICE = (
    (Call(name="where", id="a"), Call(name="where", id="b")),
    (Say("seen"),),
)


@pytest.mark.parametrize("name", ["Runtime", "SessionHandle", "Reply"])
def test_the_blocking_api_has_the_methods_and_parameters_of_the_async_api(name: str) -> None:
    def methods(module: object) -> dict[str, list[str]]:
        functions = inspect.getmembers(getattr(module, name), inspect.isfunction)
        return {name: list(inspect.signature(it).parameters) for name, it in functions if not name.startswith("_")}

    assert methods(blocking) == methods(rc)


def test_blocking_readers_have_the_methods_of_async_readers() -> None:
    for name in ("batch", "close", "ended"):
        assert hasattr(Reader, name)
        assert hasattr(blocking.Reader, name)


def test_a_reply_is_iterated_with_an_ordinary_loop(session: blocking.SessionHandle) -> None:
    kinds = [type(event) for event in session.ask("hi")]

    assert kinds == [rc.TurnStarted, rc.StreamStarted, rc.TextChunk, rc.TokenUpdate, rc.Completed]
    assert session.last_seq == 5


def test_the_next_turn_follows_after_the_loop_over_a_reply_was_left(session: blocking.SessionHandle) -> None:
    for event in session.ask("first"):
        assert event.turn == 1
        break
    gc.collect()

    assert session.ask("second").answer().turn == 2
    assert session.status().turns == 2


def test_a_reader_is_an_ordinary_iterator(session: blocking.SessionHandle) -> None:
    session.ask("hi").answer()
    reader = session.events(after=1)

    assert next(reader).seq == 2
    assert reader.batch()[0].seq == 3
    session.close()
    assert isinstance(list(reader)[-1], rc.Closed)
    assert reader.ended


def test_messages_are_added_without_a_request(session: blocking.SessionHandle) -> None:
    found, noted = rc.Message.of_user("It nests in the oak."), rc.Message.of_assistant("Noted.")

    session.add_messages(found, noted)
    with rejected(rc.errors.InvalidConfig, "message.messages[0]"):
        session.add_messages(noted)
    with rejected(rc.errors.InvalidConfig, "message.messages[0]"):
        session.add_messages("found")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    assert session.ask("Where?").answer().turn == 2
    assert [message.content for message in session.history()][:2] == [found.content, noted.content]


def test_a_reader_of_all_sessions_ends_when_it_is_closed(runtime: blocking.Runtime) -> None:
    reader = runtime.events()
    session = runtime.spawn(ECHO)
    session.ask("hi").answer()

    assert next(event for event in reader if event.session_id == session.id).seq == 1
    reader.close()
    assert list(reader) == []


def test_tools_run_in_the_thread_that_waits_for_the_answer(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted(*ASKS_TWICE))
    threads: list[threading.Thread] = []

    def where(use: rc.ToolUse) -> str:
        threads.append(threading.current_thread())
        return f"{use.id} is here"

    answer = session.ask("where?").answer(run_tool=where)

    assert (answer.text, answer.requests) == ("seen", 2)
    assert threads == [threading.current_thread()] * 2
    results = session.history()[2].content
    assert [result.content for result in results if isinstance(result, rc.ToolResult)] == [
        (rc.Text("a is here"),),
        (rc.Text("b is here"),),
    ]


def test_the_error_of_a_tool_is_sent_to_the_model(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted(*ASKS_TWICE))

    def where(use: rc.ToolUse) -> str:
        raise LookupError(f"no {use.id}")

    assert session.ask("where?").answer(run_tool=where).text == "seen"
    results = [block for block in session.history()[2].content if isinstance(block, rc.ToolResult)]
    assert [(result.is_error, result.content) for result in results] == [
        (True, (rc.Text("LookupError: no a"),)),
        (True, (rc.Text("LookupError: no b"),)),
    ]


def test_progress_is_reported_and_must_not_call_the_runtime(runtime: blocking.Runtime) -> None:
    progress: list[tuple[int, int]] = []

    def on_progress(done: int, total: int) -> None:
        progress.append((done, total))
        runtime.sessions()

    with pytest.raises(RuntimeError, match="wait for itself"):
        runtime.spawn_many(ECHO, ["gone-1", "gone-2"], on_progress=on_progress)

    assert progress == [(2, 2)]

    assert still_answers(runtime.spawn(ECHO, "gone-1"))
    with rejected(UnknownSession):
        runtime.session("gone-2")


def test_ctrl_c_interrupts_the_turn_of_the_call_and_leaves_the_session_running(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted(HANGS, (Say(),)))
    main = threading.main_thread().ident
    assert main

    def press_ctrl_c() -> None:
        next(iter(session.events()))  # now the main thread waits for the answer
        signal.pthread_kill(main, signal.SIGINT)

    with ThreadPoolExecutor(1) as threads:
        pressed = threads.submit(press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            session.ask("hang").answer()
        pressed.result()

    assert session.status().state is State.IDLE
    assert still_answers(session)


def test_several_threads_may_use_the_api_at_once(runtime: blocking.Runtime) -> None:
    sessions = runtime.spawn_many(ECHO, 8)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(still_answers, sessions)) == [True] * 8


def test_leaving_the_runtime_ends_calls_in_other_threads_with_an_error_and_the_loop_thread(ray_address: str) -> None:
    del ray_address
    with ThreadPoolExecutor(1) as threads:
        with blocking.Runtime(placement=rc.Packed()) as runtime:
            session = runtime.spawn(scripted(HANGS))
            reader = session.events()
            waiting = threads.submit(session.ask("hang").answer)
            next(reader)

        with rejected(RuntimeClosed, "left"):
            waiting.result()

    assert sum(thread.name == "rayconteur" for thread in threading.enumerate()) == 1  # that of the runtime of this run
