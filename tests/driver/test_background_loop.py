"""The loop behind the blocking API, and Ctrl-C at the wrong moment; all without Ray."""

import asyncio
import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures.rejections import rejected

from rayconteur.errors import RuntimeClosed
from rayconteur.runtime.cluster.start.sigint import defer_sigint
from rayconteur.runtime.driver.blocking.background_loop import BackgroundLoop, CallerThread


async def hang(started: threading.Event, log: list[str]) -> None:
    """Hang, and record the cancellation."""
    started.set()
    try:
        await asyncio.Event().wait()
    finally:
        log.append("cancelled")


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def divide(number: int, by: int) -> float:
    return number / by


def press_ctrl_c() -> None:
    """Do what Python's handler of SIGINT does."""
    raise KeyboardInterrupt


def test_run_returns_the_result_of_the_work_or_raises_its_error() -> None:
    loop = BackgroundLoop()

    assert loop.run(double(4)) == 8
    with pytest.raises(ZeroDivisionError):
        loop.run(divide(1, 0))

    loop.close()


def test_any_number_of_threads_may_run_work() -> None:
    loop = BackgroundLoop()

    def double_in_loop(number: int) -> int:
        return loop.run(double(number))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(double_in_loop, range(100))) == list(range(0, 200, 2))

    loop.close()


def test_an_interrupted_run_raises_only_after_the_work_was_cancelled() -> None:
    loop, caller, log = BackgroundLoop(), CallerThread(), list[str]()

    async def work() -> None:
        try:
            await caller.call(press_ctrl_c)
        finally:
            await asyncio.sleep(0)
            log.append("cancelled")

    with pytest.raises(KeyboardInterrupt):
        loop.run(work(), caller)

    assert log == ["cancelled"]
    assert loop.run(double(4)) == 8
    loop.close()


def test_calls_run_in_the_waiting_thread_and_their_errors_are_raised_in_the_work() -> None:
    loop, caller = BackgroundLoop(), CallerThread()

    async def work() -> tuple[threading.Thread, str]:
        try:
            await caller.call(lambda: 1 // 0)
        except ZeroDivisionError as error:
            with pytest.raises(RuntimeError, match="StopIteration"):  # which would never arrive as it is
                await asyncio.wait_for(caller.call(lambda: next(iter(()))), 5)
            return await caller.call(threading.current_thread), str(error)
        raise AssertionError

    assert loop.run(work(), caller) == (threading.current_thread(), "integer division or modulo by zero")
    loop.close()


def test_close_cancels_running_work_and_its_thread_gets_an_error() -> None:
    loop, started, log = BackgroundLoop(), threading.Event(), list[str]()

    def run() -> str:
        with rejected(RuntimeClosed, "left meanwhile"):
            loop.run(hang(started, log))
        return "raised"

    with ThreadPoolExecutor(1) as threads:
        outcome = threads.submit(run)
        started.wait()
        loop.close()

    assert (outcome.result(), log) == ("raised", ["cancelled"])


def test_after_close_the_thread_is_gone_and_no_work_is_started() -> None:
    before = set(threading.enumerate())
    loop = BackgroundLoop()
    loop.close()
    loop.close()

    with rejected(RuntimeClosed, "left"):
        loop.run(double(4))
    loop.run_unattended(hang(threading.Event(), []))

    assert set(threading.enumerate()) <= before
    gc.collect()  # would warn of a coroutine that was never awaited


def test_deferred_ctrl_c_takes_effect_once_and_after_the_block() -> None:
    log: list[str] = []

    def press_three_times() -> None:
        with defer_sigint():
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
            log.append("done")

    with pytest.raises(KeyboardInterrupt):
        press_three_times()

    assert log == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_ignores_ctrl_c_continues_to_ignore_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with defer_sigint():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_other_threads_deferring_ctrl_c_does_nothing() -> None:
    def inside() -> object:
        with defer_sigint():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(inside).result() is signal.getsignal(signal.SIGINT)
