"""`rayconteur templates`: the configs that sessions of a namespace follow."""

from typing import Annotated

import typer

from ...runtime.api.options import RuntimeOptions
from ..command_run import run_command
from ..options import Cluster, Namespace
from ..sessions import NamespaceOptions
from .templates import delete_template, list_templates, put_template, use_version

_NAMESPACE = RuntimeOptions().namespace

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the template.")]
Share = Annotated[
    float, typer.Option(min=0.0, max=1.0, metavar="SHARE", help="For which share of the sessions, by their ids.")
]

templates_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def add_template_commands(app: typer.Typer) -> None:
    """Add them to *app*."""
    app.add_typer(templates_app, name="templates", help="List and change the configs that sessions follow.")


@templates_app.command(name="list")
def list_command(
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List the templates of a namespace: their versions, and which of them sessions follow."""
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: list_templates(options, json, run)))


@templates_app.command(name="put")
def put_command(name: Name, address: Cluster = None, namespace: Namespace = _NAMESPACE, share: Share = 1.0) -> None:
    """Store the config [templates.NAME] of the config file as the next version, and have sessions follow it."""
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: put_template(options, name, share, run)))


@templates_app.command(name="use")
def use_command(
    name: Name,
    version: Annotated[int, typer.Argument(min=1, metavar="VERSION", help="The number of the version.")],
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
    share: Share = 1.0,
) -> None:
    """Have sessions follow another version of a template: all of them, or a share."""
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: use_version(options, name, version, share, run)))


@templates_app.command(name="delete")
def delete_command(name: Name, address: Cluster = None, namespace: Namespace = _NAMESPACE) -> None:
    """Delete a template. The sessions that follow it keep their settings."""
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: delete_template(options, name, run)))
