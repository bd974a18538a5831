"""`rayconteur`: the commands and their options."""

from importlib.metadata import PackageNotFoundError, version
from textwrap import indent
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..runtime.api.options import RuntimeOptions
from ..runtime.driver.config_file.reading import CONFIG_VARIABLE
from .bounded import LONGEST_S, require_number
from .chat.command import ChatOptions, chat
from .cluster.commands import add_operator_commands
from .command_run import run_command
from .demo.command import DemoOptions, demo
from .lazy_command import LazyCommand
from .nodes.commands import add_node_commands
from .options import (
    Address,
    Cluster,
    ConfigFile,
    Epoch,
    JournalPlace,
    LastRecord,
    Model,
    Namespace,
    Prompts,
    Provider,
    Rate,
    Selection,
    Sessions,
    SomeIds,
)
from .provider import CONFIG_PATH, environment_help, presets_help
from .sessions import (
    CatalogSelection,
    NamespaceOptions,
    chosen,
    close_sessions,
    interrupt_sessions,
    list_catalog,
    list_sessions,
    show_session,
    shut_down,
)
from .templates.commands import add_template_commands

# `--help` imports this module: no Ray, SDK or rich here.

BENCH = LazyCommand(
    "bench",
    summary="Measure what the runtime costs on this machine, beside what one would use instead.",
    module="rayconteur.benchmarks.command",
)


class _Commands(TyperGroup):
    """The commands of this module, and ``bench``, which belongs to a package above this one."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_command(BENCH)


app = typer.Typer(
    name="rayconteur",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # otherwise a traceback shows the values of variables, keys included
    context_settings={"help_option_names": ["-h", "--help"]},
)

_NAMESPACE = RuntimeOptions().namespace

sessions_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(sessions_app, name="sessions", help="List, show, interrupt, move and close the sessions of a cluster.")
add_operator_commands(app)
add_node_commands(sessions_app)
add_template_commands(app)


def main() -> None:
    """Run the command line; the process exits with an ``ExitCode``."""
    app()


def _print_version(requested: bool) -> None:
    if requested:
        try:
            typer.echo(f"rayconteur {version('rayconteur')}")
        except PackageNotFoundError:
            typer.echo("rayconteur, run from its source without being installed")
        raise typer.Exit


_HELP = f"""Many conversations with language models at once, each an actor on Ray.

\b
Examples:
  rayconteur demo                                        no network, no key
  rayconteur demo --packed --sessions 500                many sessions in one process
  rayconteur demo --model anthropic:claude-sonnet-5-5
  rayconteur chat --model openai:gpt-6-luna
  echo "Why do ravens play?" | rayconteur chat --model openai:gpt-6-luna
  rayconteur sessions list --address 10.0.0.1:6379
  rayconteur status && rayconteur top                    how a cluster is, and what happens on it
  rayconteur replay raven-7 --journal ravens.db          what its records did
  rayconteur bench --quick                               what it costs, on this machine

\b
Environment:
{indent(environment_help(), "  ")}
  RAY_ADDRESS  the Ray cluster to join
  {CONFIG_VARIABLE}  the config file, instead of --config
  NO_COLOR     no colours

\b
Presets, servers that speak like OpenAI (groq:MODEL), and what has their keys:
{indent(presets_help(), "  ")}

\b
Exit codes:
  0    all turns were completed
  1    a turn or a benchmark failed, a line piped into chat was rejected, a session did not answer, a replayed record
       differs or is damaged, or status has found a problem
  2    no request was sent: an invalid option, a missing key, an unreadable file, no session of that id
  3    Ray can't be reached
  4    status, top: nothing runs in the namespace
  130  ended by Ctrl-C
  143  ended by SIGTERM; 129 when the terminal was closed, 141 when the reader of the output is gone
"""


@app.callback(help=_HELP)
def rayconteur(
    config: ConfigFile = None,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version.")
    ] = False,
) -> None:
    """All commands and their common options."""
    CONFIG_PATH.set(config)


@app.command(name="demo")
def demo_command(
    sessions: Sessions = None,
    packed: Annotated[bool, typer.Option("--packed", help="All sessions in one process instead of one each.")] = False,
    provider: Provider = None,
    model: Model = None,
    prompts: Prompts = None,
    rate: Rate = 40.0,
    address: Address = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Run many sessions at once and watch their replies.

    Each session is a Ray actor with its own process, which takes about 50 MB and a third of a second to start. The
    scripted provider echoes its prompts, short texts about ravens; other providers are asked questions about ravens.

    A terminal shows a live table; otherwise there is a line for each turn that ended. The objects of --json are
    distinguished by "kind": "spawning" (done, total), then all events of all sessions as the library delivers them,
    and "summary" at the end.

    Prompts from a file are dealt to the sessions in turn, and each session asks its own one after the other. If there
    are more sessions than prompts, prompts are repeated. Without --sessions there is one session per prompt, up to 16.

    \b
    Examples:
      rayconteur demo --sessions 4 --rate 20
      rayconteur demo --packed --sessions 500 --json > events.jsonl
      rayconteur demo --model anthropic:claude-sonnet-5-5 --prompts questions.txt
    """
    options = DemoOptions(
        sessions=sessions,
        packed=packed,
        provider=provider,
        model=model,
        prompts=prompts,
        tokens_per_s=rate,
        address=address,
        json=json,
    )
    raise typer.Exit(run_command(lambda run: demo(options, run)))


@app.command(name="chat")
def chat_command(
    provider: Provider = None,
    model: Model = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="The system prompt.")] = None,
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Attach to this running session instead of opening a new one.")
    ] = None,
    rate: Rate = 40.0,
    address: Address = None,
) -> None:
    """Chat with one session.

    Ctrl-C interrupts the answer, not the program; /help shows the commands. Without a terminal, each line of standard
    input is a message, answers go to standard output, and everything else goes to standard error.

    \b
    Examples:
      rayconteur chat
      rayconteur chat --model anthropic:claude-sonnet-5-5 --system "Answer in verse."
      rayconteur chat --address 10.0.0.1:6379 --session raven-7
    """
    options = ChatOptions(
        provider=provider, model=model, system=system, session=session, address=address, tokens_per_s=rate
    )
    raise typer.Exit(run_command(lambda run: chat(options, run)))


@sessions_app.command(name="list")
def list_command(
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="All that the journal has, the latest first; also with the next ones.")
    ] = False,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Those of this owner.")] = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Those of this project.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Those with this tag.")] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Those with these words.")] = None,
) -> None:
    """List the sessions that run: id, state, turns, tokens of context, model. Or those that the journal has."""
    options = NamespaceOptions(address=address, namespace=namespace)
    selection = CatalogSelection(owner=owner, project=project, tag=tag, search=search)
    if stored or selection != CatalogSelection():
        raise typer.Exit(run_command(lambda run: list_catalog(options, selection, json, run)))
    raise typer.Exit(run_command(lambda run: list_sessions(options, json, run)))


@sessions_app.command(name="show")
def show_command(
    session: Annotated[str, typer.Argument(metavar="ID", help="The id of the session.")],
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
) -> None:
    """Show the status of a session."""
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: show_session(options, session, run)))


@sessions_app.command(name="interrupt")
def interrupt_command(
    sessions: SomeIds = None, where: Selection = None, address: Cluster = None, namespace: Namespace = _NAMESPACE
) -> None:
    """Interrupt the running turns of sessions: of those with the ids, or of all that fit.

    \b
    Example:
      rayconteur sessions interrupt --where owner=poe --where state=streaming
    """
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: interrupt_sessions(options, chosen(sessions, where), run)))


@sessions_app.command(name="close")
def close_command(
    sessions: SomeIds = None,
    where: Selection = None,
    drain: Annotated[bool, typer.Option("--drain", help="Finish the queued turns first.")] = False,
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
) -> None:
    """Close sessions, detached ones too: those with the ids, or all that fit."""
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: close_sessions(options, chosen(sessions, where), drain, run)))


@app.command(name="replay")
def replay_command(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The id of the session.")],
    journal: JournalPlace,
    epoch: Epoch = None,
    at: LastRecord = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Ask this model, or the settings in this JSON file, what was asked later."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Replay a session from its journal: what each record did.

    The journal is read where it is, without Ray, and nothing in it changes; the session is not taken over. A file must
    not be in use by a runtime: end that, or replay a copy of the file and of its log (-wal).

    Every record is replayed by this version of the code, and what it does now is compared with what is recorded: the
    events, and the state where one is stored. With --at, only the records up to that one are shown, and of the others
    those that differ. With --against, another model is asked what the session was asked after that record, or all of
    it, in a conversation that is not stored; its answers are printed beside the recorded ones. Tools do not run: they
    have their recorded results.

    \b
    Examples:
      rayconteur replay raven-7 --journal ravens.db
      rayconteur replay raven-7 --journal ravens.db --at 120 --against anthropic:claude-sonnet-5-5
      rayconteur replay raven-7 --journal postgresql://user@db/ravens --json
    """
    from .replay.command import ReplayOptions, replay  # here: it imports the runtime

    options = ReplayOptions(session=session, journal=journal, epoch=epoch, at=at, against=against, json=json)
    raise typer.Exit(run_command(lambda run: replay(options, run)))


@app.command(name="shutdown")
def shutdown_command(
    address: Cluster = None,
    namespace: Namespace = _NAMESPACE,
    drain: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=LONGEST_S,
            callback=require_number,
            metavar="SECONDS",
            help="Let running turns end first, for so long; with a journal, others go on later.",
        ),
    ] = None,
) -> None:
    """End everything in a namespace: all sessions, detached ones too, and what its programs share.

    Programs that still use it are told that it was shut down. The cluster itself continues to run.
    """
    options = NamespaceOptions(address=address, namespace=namespace)
    raise typer.Exit(run_command(lambda run: shut_down(options, drain, run)))
