"""`rayconteur sessions` and `rayconteur shutdown`: what runs in a namespace, and its end."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ..providers.schema.checks.toml_file import did_you_mean
from ..providers.schema.errors import InvalidConfig
from ..providers.schema.usage import Provenance
from ..runtime.api.catalog.entry import CatalogEntry
from ..runtime.api.errors import RayUnreachable
from ..runtime.api.fleet.where import FleetResult, Where
from ..runtime.api.options import RuntimeOptions
from ..runtime.api.status import SessionStatus
from .command_run import CommandRun, print_error
from .exit_codes import ExitCode
from .formatting import format_tokens, printable
from .provider import config_file

if TYPE_CHECKING:
    from ..runtime.driver.runtime import Runtime

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceOptions:
    """Which sessions a command is about."""

    address: str | None
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSelection:
    """Which sessions of the catalog: those that have all that is given."""

    owner: str | None = None
    project: str | None = None
    tag: str | None = None
    search: str | None = None


async def list_sessions(options: NamespaceOptions, json: bool, run: CommandRun) -> ExitCode:
    """Print a line for each session, page by page. Those that do not answer are named on standard error."""

    async def print_all(runtime: "Runtime") -> ExitCode:
        after: str | None = ""
        is_complete = True
        while after is not None:
            page = await runtime.sessions(_PAGE, after)
            for status in page:
                run.output.line(msgspec.json.encode(status).decode() if json else _line(status))
            for actor, session_ids in page.unreachable.items():
                known = ", ".join(session_ids) or "not known until it does"
                print_error(f"the actor {actor} does not answer; its sessions: {known}")
            is_complete = is_complete and not page.unreachable
            after = page.last
        return ExitCode.COMPLETED if is_complete else ExitCode.FAILED

    return await with_runtime(options, run, print_all)


async def list_catalog(options: NamespaceOptions, selection: CatalogSelection, json: bool, run: CommandRun) -> ExitCode:
    """Print a line for each session of the catalog, page by page, the latest first."""

    async def print_all(runtime: "Runtime") -> ExitCode:
        labels = {"owner": selection.owner, "project": selection.project, "tag": selection.tag}
        before: CatalogEntry | None = None
        while True:
            if selection.search is None:
                page = await runtime.catalog.sessions(**labels, before=before, limit=_PAGE)
            else:
                page = await runtime.catalog.search(selection.search, **labels, before=before, limit=_PAGE)
            for entry in page:
                run.output.line(msgspec.json.encode(entry).decode() if json else _catalog_line(entry))
            if len(page) < _PAGE:
                return ExitCode.COMPLETED
            before = page[-1]

    return await with_runtime(options, run, print_all)


async def show_session(options: NamespaceOptions, session_id: str, run: CommandRun) -> ExitCode:
    """Print the status of a session, a field per line."""

    async def show(runtime: "Runtime") -> ExitCode:
        status = await (await runtime.session(session_id)).status()
        for name, value in msgspec.to_builtins(status).items():
            run.output.line(f"{name:<22}{msgspec.json.encode(value).decode()}")
        return ExitCode.COMPLETED

    return await with_runtime(options, run, show)


def chosen(session_ids: Sequence[str] | None, where: Sequence[str] | None) -> Sequence[str] | Where:
    """The sessions that a command is for: those with *session_ids*, or those that fit *where*, as ``FIELD=VALUE``.

    Raises:
        InvalidConfig: neither or both are given, or a field or a value is not valid.
    """
    if bool(session_ids) is bool(where):
        raise InvalidConfig("sessions", "give the ids of sessions, or --where and what they have in common")
    if session_ids:
        return session_ids
    fields: dict[str, list[str]] = {}
    for text in where or ():
        name, _, value = text.partition("=")
        if name not in Where.__struct_fields__:
            raise InvalidConfig(f"--where {name}", did_you_mean(name, list(Where.__struct_fields__)))
        fields.setdefault(name, []).append(value)
    if twice := [name for name, values in fields.items() if len(values) > 1 and name not in ("ids", "state")]:
        raise InvalidConfig(f"--where {twice[0]}", "give it once: sessions have all that is given")
    given: dict[str, Any] = {name: values if name in ("ids", "state") else values[0] for name, values in fields.items()}
    if "every" in given:
        given["every"] = True
    return Where(**given)


async def interrupt_sessions(options: NamespaceOptions, sessions: Sequence[str] | Where, run: CommandRun) -> ExitCode:
    """Interrupt the running turns of sessions."""

    async def interrupt(runtime: "Runtime") -> ExitCode:
        if isinstance(sessions, Where):
            return report_outcomes(await runtime.interrupt(sessions), "interrupted", run)
        for session_id in sessions:
            was_running = await (await runtime.session(session_id)).interrupt()
            run.output.line(f"{session_id}  {'interrupted' if was_running else 'idle'}")
        return ExitCode.COMPLETED

    return await with_runtime(options, run, interrupt)


async def close_sessions(
    options: NamespaceOptions, sessions: Sequence[str] | Where, drain: bool, run: CommandRun
) -> ExitCode:
    """Close sessions, with *drain* after their queued turns."""

    async def close(runtime: "Runtime") -> ExitCode:
        if isinstance(sessions, Where):
            return report_outcomes(await runtime.close(sessions, drain), "closed", run)
        handles = [await runtime.session(session_id) for session_id in sessions]
        await asyncio.gather(*(session.close(drain) for session in handles))
        for session_id in sessions:
            run.output.line(f"{session_id}  closed")
        return ExitCode.COMPLETED

    return await with_runtime(options, run, close)


def report_outcomes(result: FleetResult, done: str, run: CommandRun, may_be_none: bool = False) -> ExitCode:
    """Print a line for each session, and the errors.

    If there is none at all, that is a mistake of the command's, unless there *may_be_none*.
    """
    for outcome in result:
        if outcome.error is None:
            run.output.line(f"{outcome.id}  {done if outcome.done else 'idle'}")
        else:
            print_error(f"{outcome.id}: {outcome.error.message}")
    for actor, session_ids in result.unreachable.items():
        print_error(f"the actor {actor} does not answer; its sessions: {', '.join(session_ids)}")
    if result.failed or result.unreachable:
        return ExitCode.FAILED
    if not result and not may_be_none:
        print_error("no session fits")
        return ExitCode.USAGE
    return ExitCode.COMPLETED


async def move_sessions(
    options: NamespaceOptions, session_ids: Sequence[str], timeout_s: float, run: CommandRun
) -> ExitCode:
    """Have sessions go on in other actors."""

    async def move(runtime: "Runtime") -> ExitCode:
        late = await runtime.nodes.move(session_ids, timeout_s)
        for session_id in session_ids:
            run.output.line(f"{session_id}  {'has not moved' if session_id in late else 'moved'}")
        return ExitCode.FAILED if late else ExitCode.COMPLETED

    return await with_runtime(options, run, move)


async def drain_node(
    options: NamespaceOptions, node: str, timeout_s: float, passivate: bool, run: CommandRun
) -> ExitCode:
    """Have all sessions leave a node, with a line whenever there are less."""

    async def drain(runtime: "Runtime") -> ExitCode:
        seen: list[int] = []

        def report(left: int, total: int) -> None:
            if left not in seen:
                seen.append(left)
                run.output.line(f"{node}  {left} of {total} sessions have left")

        staying = await runtime.nodes.drain(node, timeout_s, passivate, report)
        run.output.line(f"{node}  {f'{staying} sessions have not left' if staying else 'drained'}")
        return ExitCode.FAILED if staying else ExitCode.COMPLETED

    return await with_runtime(options, run, drain)


async def shut_down(options: NamespaceOptions, drain_s: float | None, run: CommandRun) -> ExitCode:
    """End everything in a namespace, with *drain_s* after its running turns."""
    from ..runtime.driver.shutdown import shutdown  # here: it imports Ray

    namespace = namespace_of(options)
    ended = await shutdown(namespace, cluster_address(options), drain_s)
    run.install_signal_handlers()
    run.output.line(f"{ended} actors of namespace {namespace!r} ended" if ended else "nothing was running")
    return ExitCode.COMPLETED


async def with_runtime(
    options: NamespaceOptions, run: CommandRun, work: Callable[["Runtime"], Awaitable[ExitCode]]
) -> ExitCode:
    """Do *work* in a runtime of the namespace."""
    address = cluster_address(options)
    from ..runtime.driver.runtime import Runtime  # here: it imports Ray

    async with Runtime(address, options=RuntimeOptions(namespace=namespace_of(options))) as runtime:
        run.install_signal_handlers()
        return await work(runtime)


def cluster_address(options: NamespaceOptions) -> str:
    """The cluster's address. Without one it is that of the cluster on this machine: none is started for this.

    Raises:
        RayUnreachable: the address is Ray's word for starting one.
    """
    address = options.address or config_file().address or os.environ.get("RAY_ADDRESS") or "auto"
    if address == "local":
        raise RayUnreachable("'local' would start a new Ray, where nothing runs; give the address of a cluster")
    return address


def namespace_of(options: NamespaceOptions) -> str:
    """The namespace: that of the config file, unless the option says another."""
    default = RuntimeOptions().namespace
    return config_file().options.namespace if options.namespace == default else options.namespace


def _line(status: SessionStatus) -> str:
    tokens = status.context_tokens
    context = "" if tokens.tokens is None else format_tokens(tokens.tokens, tokens.provenance is Provenance.REPORTED)
    return printable(
        f"{status.id:<34}{status.state:<12}{status.turns:>5} turns {context or '-':>10} tokens  "
        f"{status.provider}:{status.model}"
    )


def _catalog_line(entry: CatalogEntry) -> str:
    labels = entry.labels
    at = datetime.fromtimestamp(entry.last_at).astimezone().isoformat(" ", "minutes")
    return printable(
        f"{entry.id:<34}{entry.state:<12}{entry.turns:>5} turns  {at}  {labels.owner or '-'}  {labels.title}"
    )
