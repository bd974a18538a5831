"""`rayconteur sessions move` and `drain`: sessions leave their actors, or a node."""

from typing import Annotated

import typer

from ...runtime.api.options import RuntimeOptions
from ..command_run import run_command
from ..options import Cluster, Namespace, SessionIds, TurnsHave
from ..sessions import NamespaceOptions, drain_node, move_sessions

_NAMESPACE = RuntimeOptions().namespace


def add_node_commands(sessions_app: typer.Typer) -> None:
    """Add them to the commands about sessions."""

    @sessions_app.command(name="move")
    def move_command(
        sessions: SessionIds,
        address: Cluster = None,
        namespace: Namespace = _NAMESPACE,
        timeout: TurnsHave = 60.0,
    ) -> None:
        """Have sessions go on in other actors, on other nodes if there are any. The namespace needs a journal."""
        options = NamespaceOptions(address=address, namespace=namespace)
        raise typer.Exit(run_command(lambda run: move_sessions(options, sessions, timeout, run)))

    @sessions_app.command(name="drain")
    def drain_command(
        node: Annotated[str, typer.Argument(metavar="NODE", help="The id of the node, or its address.")],
        address: Cluster = None,
        namespace: Namespace = _NAMESPACE,
        timeout: TurnsHave = 300.0,
        passivate: Annotated[
            bool, typer.Option("--passivate", help="Also if no other node is left: sessions leave memory then.")
        ] = False,
    ) -> None:
        """Have all sessions leave a node, which Ray ends when it is empty. The namespace needs a journal."""
        options = NamespaceOptions(address=address, namespace=namespace)
        raise typer.Exit(run_command(lambda run: drain_node(options, node, timeout, passivate, run)))
