"""Standard input at a terminal: lines with editing, a history, and several lines in one paste."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.filters import is_searching
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input.defaults import create_input
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output.defaults import create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from .keyboard import Key
from .terminal_mode import TerminalMode

_PASTES_BRACKETED, _PASTES_PLAIN = "\x1b[?2004h", "\x1b[?2004l"
_CONTINUATION = "  "


class LineEditor:
    """Reads what is typed as a line that can be edited, or recalled from the history in a file, in *environ*'s place.

    Pasted lines stay together, whatever their length: the terminal's own line discipline, which cuts a line at 4,095
    characters, is off from ``__enter__`` to ``__exit__``. What is typed while no line is requested is there for the
    next one; Ctrl-C discards it. *on_interrupt* is called for a Ctrl-C that follows a line at once, before the terminal
    makes a signal of it.
    """

    terminal = True

    def __init__(
        self, screen: TextIO, on_interrupt: Callable[[], None] = lambda: None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._output = create_output(stdout=screen)
        if isinstance(self._output, Vt100_Output):
            self._output.enable_cpr = False  # the answer of a slow terminal would be taken for typed text
        self._input = create_input(sys.stdin)
        self._on_interrupt = on_interrupt
        self._prompts: PromptSession[str] = PromptSession(
            history=_history(environ),
            input=self._input,
            output=self._output,
            key_bindings=_key_bindings(),
            prompt_continuation=_CONTINUATION,
            enable_suspend=True,
        )
        self._mode = TerminalMode(sys.stdin.fileno())

    def __enter__(self) -> Self:
        self._mode.set_unbuffered()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(_PASTES_PLAIN)
        self._mode.restore()

    async def read_line(self, prompt: str) -> str | Key:
        """The next line, or the key that came instead."""
        try:
            line = await self._prompts.prompt_async(prompt, handle_sigint=False)
        except KeyboardInterrupt:
            return Key.INTERRUPT
        except _Cleared:
            return Key.CLEARED
        except (EOFError, OSError):  # OSError: the terminal is gone
            return Key.END
        finally:
            self._write(_PASTES_BRACKETED)  # also for what is pasted during the answer
        self._take_interrupt()
        return line

    def interrupt(self) -> bool:
        """Ctrl-C was pressed: ``read_line`` returns ``Key.INTERRUPT``, or ``Key.CLEARED`` if there was something typed.

        False if no line is being read, or one has just been entered.
        """
        app = self._prompts.app
        if app.future is None or app.is_done:
            return False
        _interrupt(app)
        return True

    def _take_interrupt(self) -> None:
        """Call *on_interrupt* if Ctrl-C is among the keys that were typed after the line, and discard them up to it."""
        typed = get_typeahead(self._input)
        with suppress(OSError):
            typed += self._input.read_keys()
        for index in reversed(range(len(typed))):
            if typed[index].key is Keys.ControlC:
                del typed[: index + 1]
                self._on_interrupt()
                break
        store_typeahead(self._input, typed)

    def _write(self, codes: str) -> None:
        with suppress(OSError):  # the terminal is gone
            self._output.write_raw(codes)
            self._output.flush()


class _Cleared(Exception):
    """Ctrl-C has cleared a line."""


def _interrupt(app: Application[str]) -> None:
    """End the reading of a line for Ctrl-C."""
    app.exit(exception=_Cleared() if app.current_buffer.text else KeyboardInterrupt())


class _SafeHistory(FileHistory):
    """A history in a file. If the file can't be written any more, the history goes on in memory."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)


def _history(environ: Mapping[str, str]) -> History:
    """The history in the user's state directory, which nobody else can read; in memory if there can't be a file.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    file = Path(state) / "rayconteur" / "chat_history"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return _SafeHistory(str(file))


def _key_bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def start_line(event: KeyPressEvent) -> None:  # pyright: ignore[reportUnusedFunction]
        event.current_buffer.insert_text("\n")

    @bindings.add("c-c", filter=~is_searching)
    def interrupt(event: KeyPressEvent) -> None:  # pyright: ignore[reportUnusedFunction]
        _interrupt(event.app)

    return bindings
