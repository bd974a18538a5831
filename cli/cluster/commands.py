"""The commands for operators, with their options."""

from typing import Annotated

import typer

from ...runtime.api.options import RuntimeOptions
from ..bounded import LONGEST_S, require_number
from ..command_run import run_command
from ..options import Cluster, Namespace
from ..sessions import NamespaceOptions
from .status import show_status

_NAMESPACE = RuntimeOptions().namespace


def add_operator_commands(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command(name="status")(status_command)
    app.command(name="top")(top_command)


def status_command(
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether all is well on a cluster: its nodes, actors, sessions, routers and journal.

    Exit codes: 0 all is well, 1 there is a problem, 3 Ray can't be reached, 4 nothing runs in the namespace.
    """
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: show_status(options, json, run)))


def top_command(
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
    interval: Annotated[
        float,
        typer.Option(
            min=0.5, max=LONGEST_S, callback=require_number, metavar="SECONDS", help="How often it is redrawn."
        ),
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one table of totals, as without a terminal.")] = False,
) -> None:
    """Show what happens on a cluster, by model: sessions, turns, tokens, cost, and times. Ctrl-C ends it.

    Rates are over the last 15 seconds, totals since the processes started. Times are what 95 % of them are at most.
    """
    from .top import show_top  # here: it imports Ray and rich

    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: show_top(options, None if once else interval, run)))
