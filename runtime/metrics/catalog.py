"""The catalog: every metric, in one place. Its labels are names and codes that the operator knows, never content.

Names follow the conventions of Prometheus: base units, and no ``_total``, which the exporter appends to counters.
"""

from enum import StrEnum

import msgspec

PREFIX = "rayconteur_"

MODEL = ("provider", "model")


class Kind(StrEnum):
    """How the values of a metric are to be read."""

    COUNTER = "counter"
    """The total since the process started."""
    GAUGE = "gauge"
    """The value now; that of several processes is the sum."""
    MAXIMUM = "maximum"
    """A gauge of which that of several processes is the largest."""
    HISTOGRAM = "histogram"
    """Counters: how many values are at most ``le``, for each of the *bounds*, and how many there are; and their sum."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, each of whose series has a value for each of *labels*."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


METRICS: dict[str, Metric] = {}
"""All metrics, by their names."""


def _declare(
    kind: Kind, name: str, meaning: str, labels: tuple[str, ...] = (), bounds: tuple[float, ...] = ()
) -> Metric:
    metric = Metric(name=PREFIX + name, kind=kind, meaning=meaning, labels=labels, bounds=bounds)
    METRICS[metric.name] = metric
    return metric


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return _declare(Kind.COUNTER, name, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return _declare(Kind.GAUGE, name, meaning, labels)


def _maximum(name: str, meaning: str) -> Metric:
    return _declare(Kind.MAXIMUM, name, meaning)


def _histogram(name: str, meaning: str, bounds: tuple[float, ...], *labels: str) -> Metric:
    return _declare(Kind.HISTOGRAM, name, meaning, labels, bounds)


_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_SHORT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Sessions: counted in the actors that have them.

SESSIONS = _gauge("sessions", "sessions in memory, by what they do", "state", *MODEL)
TURNS = _counter("turns", "turns that have ended: `completed`, `interrupted`, `failed`", "outcome", *MODEL)
REQUESTS = _counter(
    "requests", "requests that have ended: `completed`, `cancelled`, or the code of their error", "outcome", *MODEL
)
RETRIES = _counter("retries", "requests that are repeated, by the code of the error before", "code", *MODEL)
TOKENS = _counter(
    "tokens",
    "`input` and `output`; `cache_read` and `cache_write` are parts of the first, `reasoning` of the second",
    "kind",
    *MODEL,
)
COST = _counter("cost_usd", "the cost of requests in USD, where prices are known", *MODEL)
FIRST_TEXT = _histogram("first_text_seconds", "from a request to the first text of its answer", _SECONDS, *MODEL)
REQUEST_SECONDS = _histogram("request_seconds", "from a request to the end of its answer", _SECONDS, *MODEL)
QUOTA_WAITS = _histogram(
    "quota_wait_seconds", "for how long requests have waited for a limit that sessions share", _SECONDS, *MODEL
)
GAPS = _histogram(
    "gap_seconds", "between two reads of a streamed answer, each of which may bring many tokens", _SHORT_SECONDS, *MODEL
)
TOOL_USES = _counter("tool_uses", "tool uses with their results: `ok`, `error`", "result", *MODEL)
COMPACTIONS = _counter("compactions", "compactions of a history, by their reason", "reason", *MODEL)
PASSIVATIONS = _counter(
    "passivations", "sessions that have left memory, to go on elsewhere: `at_rest`, or `running`", "state"
)
MAILBOX = _gauge("mailbox_messages", "messages that wait in mailboxes")
OUTBOX = _gauge("outbox_bytes", "events that a router has not acknowledged")
HISTORIES = _gauge("history_bytes", "the histories in memory")
PUBLISH_WAIT = _maximum("publish_wait_seconds", "for how long a router has not taken what an actor sent")
UNSTORED = _gauge("unstored_records", "records that the journal has not stored")
EVENTS = _counter("events", "events that sessions published")

# Routers

ROUTER_SESSIONS = _gauge("router_sessions", "sessions whose events a router holds", "router")
ROUTER_BYTES = _gauge("router_bytes", "events that a router holds", "router")
ROUTER_HOSTS = _gauge("router_hosts", "session actors that report to a router", "router")
ROUTER_READERS = _gauge("router_readers", "programs that subscribe to a router", "router")
ROUTER_LAGGING = _gauge("router_lagging_readers", "of these, those that a router has something for", "router")

# The journal

JOURNAL_RECORDS = _counter("journal_records", "records that the journal has stored")
JOURNAL_COMMITS = _counter("journal_commits", "commits in which they were")
JOURNAL_SECONDS = _histogram("journal_commit_seconds", "how long a commit took", _SHORT_SECONDS)
JOURNAL_BYTES = _gauge("journal_waiting_bytes", "records that wait in the journal's actor")
JOURNAL_WAIT = _maximum("journal_wait_seconds", "for how long the oldest of them has waited")
JOURNAL_ERRORS = _counter("journal_errors", "commits that failed, and are tried again")

# The quota broker

QUOTA_ADMITTED = _gauge(
    "quota_admitted_requests", "requests that the quota broker has admitted, and that have not ended"
)
QUOTA_WAITING = _gauge("quota_waiting_requests", "requests that wait for the quota broker, because of a limit")

# The directory

DIRECTORY_SESSIONS = _gauge("directory_sessions", "sessions that are on an actor, or about to be")
DIRECTORY_HOSTS = _gauge("directory_hosts", "session actors that have some")
DIRECTORY_DRIVERS = _gauge("directory_drivers", "programs that use the namespace")
DRAINING_SESSIONS = _gauge("draining_sessions", "sessions that are on nodes which are drained, and have not left")
DEATHS = _counter("session_deaths", "sessions whose actor has died, by the reason", "reason")
