"""The options of a runtime: its routers, their limits, and the Ray that it starts."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import short_repr, shown
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.request import Positive, PositiveSeconds
from .catalog.retention import Retention, check_rules
from .journal import JournalConfig, NoJournal
from .quotas.rules import Quotas

Seconds = Annotated[float, Meta(ge=0)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Amount = Annotated[float, Meta(gt=0)]
Memory = Annotated[int, Meta(ge=0, le=1 << 48)]  # Ray counts in units of a 10,000th byte, and overflows beyond

NEEDS_JOURNAL = "sessions that leave memory need a journal to come back from; give RuntimeOptions(journal=...)"

ENVIRONMENT = "env"
"""The ``credentials`` that come from the environment variables of the program."""

_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")

_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_NAME = re.compile(rf"([a-z0-9.-]{{1,253}}/)?{_LABEL}")
_LABEL_VALUE = re.compile(rf"({_LABEL})?")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


class OnAbandon(StrEnum):
    """What happens to the turn of a reply that is abandoned: whose task is cancelled, or whose loop is left early."""

    INTERRUPT = "interrupt"
    """It is interrupted, running or queued."""
    LEAVE = "leave"
    """It goes on. Other readers of the session see its events, and the history gets its answer."""


class OnToolError(StrEnum):
    """What happens when a tool that runs in this program raises, or takes too long."""

    TELL = "tell"
    """The model is told: the tool use gets an error result."""
    RAISE = "raise"
    """The turn is interrupted, and the reply raises the error."""


class RouterLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The bounds of one router. It drops the oldest events first.

    *session_bytes* bounds the events of one session, *total_bytes* those of all sessions, *ended_sessions* the number
    of ended sessions whose events are kept. *push_bytes* bounds the events that are sent to a driver at once, and held
    encoded while its socket takes no more.
    """

    __repr__ = short_repr

    session_bytes: Positive = 8 << 20
    total_bytes: Positive = 512 << 20
    ended_sessions: Positive = 10_000
    push_bytes: Annotated[int, Meta(gt=0, le=64 << 20)] = 1 << 20

    def __post_init__(self) -> None:
        check_fields(self, "router_limits")


class RuntimeOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The options of a runtime. Runtimes with the same *namespace* on a cluster see each other's sessions.

    *routers* and *router_limits* apply when the first runtime of a namespace starts the routers. With *detached*,
    sessions and routers continue to run after the program has ended. *num_cpus* and *quiet* (workers print nothing on
    this terminal, unless the program logs ``rayconteur`` at INFO or DEBUG) apply to a Ray that this runtime starts.
    *reader_bytes* bounds the events that a reader has received and its program has not consumed. *host_history_bytes*
    bounds the histories of all sessions that share a session actor. *actor_memory_bytes* is how much memory a session
    actor requests from Ray, instead of what the benchmarks say that it takes; 0 is no request. *actor_resources* are
    the amounts of custom resources that each session actor requests besides. Session actors and routers are placed on
    nodes that have all of *node_labels*, the directory and the journal on one that has all of *control_node_labels*, or
    on the head of the cluster while that has room for them. With *autoscales*, nodes that have these labels and
    resources may be added to the cluster later, so what no node has yet is not refused. *ports* is the first and the
    last port on which routers and session actors may listen for programs and actors on other nodes; by default it is
    any. *call_timeout_s* is how long a call to another process may take before it fails with ``Unreachable``; a call
    that has work to do, such as closing many sessions, may take longer as long as that process responds. *on_abandon*
    is the default for ``ask``: what happens to a turn whose reply is abandoned. Of the tools of a turn,
    *max_parallel_tools* run at a time, in this program and on Ray together, each for at most *tool_timeout_s* unless it
    says otherwise; the model is given at most *max_result_bytes* of the text of a result at once; *on_tool_error* is
    what happens when one raises. *journal* is where sessions are stored, or ``NoJournal()``. If none is given, it is
    that of the namespace, and the first runtime of one stores them in a file of the Ray session:
    ``SQLiteJournalConfig()``. *credentials* is where the secrets come from that configs leave out: ``"env"``, the
    environment, or ``"module:function"``, which returns a mapping like ``os.environ`` and is called whenever some are
    needed, also for a session that goes on from a journal. *passivate_after_s* is how long a session is idle before it
    leaves memory, where its config does not say so; by default, none does. It needs a journal. *retention* says which
    sessions the journal deletes, by their owners; it applies when the first runtime of a namespace opens the journal.
    When the process gets SIGTERM, the runtime is drained, for at most *drain_s*. *quotas* are the limits that all
    sessions of the namespace share: its first runtime gives them, and one that joins it gives the same, or none.
    """

    __repr__ = short_repr

    namespace: str = "rayconteur"
    routers: Positive = 1
    router_limits: RouterLimits = RouterLimits()
    detached: bool = False
    num_cpus: Positive | None = None
    quiet: bool = True
    reader_bytes: Positive = 4 << 20
    host_history_bytes: Positive = 4 << 30
    actor_memory_bytes: Memory | None = None
    actor_resources: dict[str, Amount] = {}
    node_labels: dict[str, str] = {}
    control_node_labels: dict[str, str] = {}
    autoscales: bool = False
    ports: tuple[Port, Port] | None = None
    call_timeout_s: PositiveSeconds = 10.0
    on_abandon: OnAbandon = OnAbandon.INTERRUPT
    max_parallel_tools: Positive = 5
    tool_timeout_s: PositiveSeconds = 30.0
    on_tool_error: OnToolError = OnToolError.TELL
    max_result_bytes: Positive = 256 << 10
    journal: JournalConfig | None = None
    credentials: str = ENVIRONMENT
    passivate_after_s: PositiveSeconds | None = None
    retention: tuple[Retention, ...] = ()
    drain_s: Seconds = 10.0
    quotas: Quotas | None = None

    def __post_init__(self) -> None:
        check_fields(self, "options")
        if self.credentials != ENVIRONMENT and not _FUNCTION.fullmatch(self.credentials):
            problem = f"give {ENVIRONMENT!r}, or a function as 'module:function', not {shown(self.credentials)}"
            raise InvalidConfig("options.credentials", problem)
        check_rules(self.retention, "options.retention")
        if self.retention and self.journal == NoJournal():
            raise InvalidConfig("options.retention", "there is no journal that it could be for: leave out NoJournal()")
        _check_labels("options.node_labels", self.node_labels)
        _check_labels("options.control_node_labels", self.control_node_labels)
        if self.ports is not None and self.ports[0] > self.ports[1]:
            raise InvalidConfig("options.ports", f"{self.ports} is no range: the first port is larger than the last")


def _check_labels(field: str, labels: Mapping[str, str]) -> None:
    """Raises:
    InvalidConfig: Ray's nodes can't have one of these labels, or it is an expression, which they are not matched by.
    """
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name) or not _LABEL_VALUE.fullmatch(value):
            problem = f"{shown(f'{name}={value}')} is no label of a node; give a name and a value of letters, digits"
            raise InvalidConfig(field, f"{problem}, - _ and ., at most 63, a letter or digit first and last")


def validated_session_id(session_id: object) -> str:
    """*session_id*, if it is valid.

    Raises:
        InvalidConfig: it is not; the message says which ids are.
    """
    if not isinstance(session_id, str) or not _ID.fullmatch(session_id):
        raise InvalidConfig(
            "session_id",
            f"{shown(session_id)} is not a valid id; "
            "use 1 to 128 letters, digits and . _ : @ -, a letter or digit first",
        )
    return session_id
