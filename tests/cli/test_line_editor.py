"""The line editor at a terminal: editing, history, pastes, and keys that arrive while nobody reads."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from fixtures.terminal import Terminal

# Shows each line as Python does, and after "answer" reads no line until Ctrl-C.
PROGRAM = """
import asyncio, signal, sys
from rayconteur.cli.line_editor import LineEditor

async def main():
    answered = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: lines.interrupt() or answered.set())
    with LineEditor(sys.stdout, answered.set) as lines:
        while isinstance(line := await lines.read_line("> "), str):
            print(f"<{line!r}>" if len(line) < 100 else f"<{len(line)} letters, {set(line)}>", flush=True)
            if line == "answer":
                print("answering", flush=True)
                await answered.wait()
                answered.clear()
        print(line.name, flush=True)

asyncio.run(main())
"""


def editor(extra: Mapping[str, str] | None = None) -> Terminal:
    return Terminal(program=PROGRAM, extra=extra)


def test_a_line_is_edited_with_arrows_and_backspace() -> None:
    with editor() as terminal:
        terminal.until(">")
        terminal.type_keys("ravne\x7f\x7fen\x1b[D\x1b[D\x1b[D\x1b[D\x1b[DC\x1b[C\x7fr\r")
        terminal.until("<'Craven'>")
        terminal.type_keys("\x04")
        terminal.until("END")

        assert terminal.exit_code() == 0


def test_a_recalled_line_can_be_edited_and_the_history_is_private_and_survives(tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path)}
    with editor(state) as terminal:
        terminal.until(">")
        terminal.paste("one\ntwo")
        terminal.type_keys("\r")
        terminal.until("<'one\\ntwo'>")
        terminal.type_keys("\x04")
        terminal.until("END")
        terminal.exit_code()

    with editor(state) as terminal:
        terminal.until(">")
        terminal.type_keys("\x1b[A, three\r")
        terminal.until("<'one\\ntwo, three'>")
        terminal.type_keys("\x04")
        terminal.until("END")
        terminal.exit_code()

    assert (tmp_path / "rayconteur" / "chat_history").stat().st_mode & 0o077 == 0


def test_a_history_that_can_t_be_kept_in_a_file_is_kept_in_memory() -> None:
    with editor({"XDG_STATE_HOME": "/dev/null"}) as terminal:
        terminal.until(">")
        terminal.type_keys("one\r")
        terminal.until("<'one'>")
        terminal.until(">")
        terminal.type_keys("\x1b[A!\r")
        terminal.until("<'one!'>")
        terminal.type_keys("\x04")
        terminal.until("END")
        terminal.exit_code()


def test_pasted_lines_are_one_line_and_a_long_one_is_whole() -> None:
    with editor() as terminal:
        terminal.until(">")
        terminal.paste("def fly():\n    return 'away'\n")
        terminal.type_keys("\r")
        terminal.until(r"""<"def fly():\n    return 'away'\n">""")
        terminal.until(">")
        terminal.paste("x" * 20_000)
        terminal.type_keys("\r")
        terminal.until("<20000 letters, {'x'}>")
        terminal.until(">")
        terminal.type_keys("y" * 5_000 + "\r")  # typed, not pasted: as terminals without brackets do it
        terminal.until("<5000 letters, {'y'}>")
        terminal.until(">")
        terminal.type_keys("one\x1b\rtwo\r")  # Alt-Enter
        terminal.until("<'one\\ntwo'>")
        terminal.type_keys("\x04")
        terminal.until("END")

        assert terminal.exit_code() == 0


def test_what_is_pasted_while_nobody_reads_is_there_for_the_next_line() -> None:
    with editor() as terminal:
        terminal.until(">")
        terminal.type_keys("answer\r")
        terminal.until("answering")
        terminal.type_keys("\x03")
        terminal.until(">")
        terminal.type_keys("answer\r")
        terminal.until("answering")
        terminal.paste("one\ntwo")
        terminal.type_keys("\r")
        terminal.signal_interrupt()
        terminal.until("<'one\\ntwo'>")
        terminal.type_keys("\x04")
        terminal.until("END")

        assert terminal.exit_code() == 0


@pytest.mark.parametrize(("typed", "key"), [("half a line", "CLEARED"), ("", "INTERRUPT")])
@pytest.mark.parametrize("is_signal", [False, True])
def test_ctrl_c_at_the_prompt_clears_a_line_and_is_told_apart_from_one_at_an_empty_line(
    typed: str, key: str, is_signal: bool
) -> None:
    with editor() as terminal:
        terminal.until(">")
        terminal.type_keys(typed)
        if is_signal:
            terminal.until(typed)
            terminal.signal_interrupt()
        else:
            terminal.type_keys("\x03")
        terminal.until(key)

        assert terminal.exit_code() == 0


def test_ctrl_c_right_after_a_line_is_told_and_discards_what_was_typed_before_it() -> None:
    with editor() as terminal:
        terminal.until(">")
        terminal.type_keys("answer\rdiscarded\x03kept\r")  # at once: the terminal makes no signal of it
        terminal.until("answering")
        terminal.until("<'kept'>")
        terminal.type_keys("\x04")
        terminal.until("END")

        assert terminal.exit_code() == 0
