"""Commands of packages above this one, imported when they are used: ``rayconteur --help`` does not pay for them."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class LazyCommand(TyperCommand):
    """Stands for the only command of the Typer app *app* in *module* until it is used.

    The list of commands needs its name and a line of help, nothing else.
    """

    def __init__(self, name: str, *, summary: str, module: str, app: str = "app") -> None:
        super().__init__(name, short_help=summary)
        self._module = module
        self._app = app

    # The names and types are those of the base class, which takes click's context and returns it.
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself: from here on click deals only with that."""
        command = typer.main.get_command(getattr(import_module(self._module), self._app))
        return command.make_context(info_name, args, parent, **extra)
