"""The loop behind the blocking face, and Ctrl-C at the wrong moment; all without Ray."""

import asyncio
import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures.refusals import refused

from rayconteur.errors import RuntimeClosed
from rayconteur.runtime.cluster.sigint import defer_sigint
from rayconteur.runtime.driver.background_loop import BackgroundLoop, CallerThread


async def hangs(began: threading.Event, log: list[str]) -> None:
    """Begin, and say so when it is cancelled."""
    began.set()
    try:
        await asyncio.Event().wait()
    finally:
        log.append("cancelled")


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def divide(number: int, by: int) -> float:
    return number / by


def press() -> None:
    """What the handler of Ctrl-C does."""
    raise KeyboardInterrupt


def test_what_the_work_comes_to_is_handed_back_or_raised() -> None:
    loop = BackgroundLoop()

    assert loop.run(double(4)) == 8
    with pytest.raises(ZeroDivisionError):
        loop.run(divide(1, 0))

    loop.close()


def test_any_number_of_threads_may_wait() -> None:
    loop = BackgroundLoop()

    def wait(number: int) -> int:
        return loop.run(double(number))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(wait, range(100))) == list(range(0, 200, 2))

    loop.close()


def test_a_wait_that_is_broken_off_ends_when_the_work_has_been_cancelled() -> None:
    loop, caller, log = BackgroundLoop(), CallerThread(), list[str]()

    async def work() -> None:
        try:
            await caller.call(press)
        finally:
            await asyncio.sleep(0)
            log.append("cancelled")

    with pytest.raises(KeyboardInterrupt):
        loop.run(work(), caller)

    assert log == ["cancelled"]
    assert loop.run(double(4)) == 8
    loop.close()


def test_calls_are_made_in_the_thread_that_waits_and_their_errors_go_back_to_the_work() -> None:
    loop, caller = BackgroundLoop(), CallerThread()

    async def work() -> tuple[threading.Thread, str]:
        try:
            await caller.call(lambda: 1 // 0)
        except ZeroDivisionError as error:
            return await caller.call(threading.current_thread), str(error)
        raise AssertionError

    assert loop.run(work(), caller) == (threading.current_thread(), "integer division or modulo by zero")
    loop.close()


def test_the_end_cancels_what_is_under_way_and_its_thread_hears_of_it() -> None:
    loop, began, log = BackgroundLoop(), threading.Event(), list[str]()

    def wait() -> str:
        with refused(RuntimeClosed, "left meanwhile"):
            loop.run(hangs(began, log))
        return "heard"

    with ThreadPoolExecutor(1) as threads:
        heard = threads.submit(wait)
        began.wait()
        loop.close()

    assert (heard.result(), log) == ("heard", ["cancelled"])


def test_after_the_end_its_thread_is_gone_and_nothing_is_begun() -> None:
    loop = BackgroundLoop()
    loop.close()
    loop.close()

    with refused(RuntimeClosed, "left"):
        loop.run(double(4))
    loop.run_unattended(hangs(threading.Event(), []))

    assert "rayconteur" not in {thread.name for thread in threading.enumerate()}
    gc.collect()  # a coroutine that nobody awaited would say so here


def test_ctrl_c_takes_effect_after_what_must_not_be_interrupted_and_once() -> None:
    log: list[str] = []

    def press_thrice() -> None:
        with defer_sigint():
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
            log.append("done")

    with pytest.raises(KeyboardInterrupt):
        press_thrice()

    assert log == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with defer_sigint():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_nothing_to_do_with_ctrl_c() -> None:
    def inside() -> object:
        with defer_sigint():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(inside).result() is signal.getsignal(signal.SIGINT)
