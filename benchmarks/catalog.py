"""The benchmarks by name. Imports nothing of the package: the help of the command line lists them."""

from typing import NamedTuple


class Benchmark(NamedTuple):
    """What a benchmark measures, and the module of ``programs/`` that runs it, in *mode* if the module has several.

    Without *needs_ray* it runs while there is no Ray: an idle one takes some CPU time too. A quick run leaves it out
    unless *in_quick_run*: it shows little in a few seconds.
    """

    measures: str
    module: str
    mode: str = ""
    needs_ray: bool = True
    in_quick_run: bool = False


BENCHMARKS = {
    "server_ceiling": Benchmark(
        "what the load server itself can send", "server_ceiling", needs_ray=False, in_quick_run=True
    ),
    "costs": Benchmark("what a token and a turn cost, and which process pays", "costs"),
    "saturated": Benchmark(
        "text end to end over HTTP, as fast as possible, beside all others",
        "end_to_end",
        "saturated",
        in_quick_run=True,
    ),
    "paced": Benchmark(
        "the same at the pace of a model: what arrives of what is offered", "end_to_end", "paced", in_quick_run=True
    ),
    "throughput": Benchmark("events through the router, beside one Ray call for each", "throughput", in_quick_run=True),
    "latency": Benchmark(
        "how long tokens wait at 1, 50 and 90 % of the ceiling, beyond a bare loop", "end_to_end", "latency"
    ),
    "shards": Benchmark("one, two and four routers", "end_to_end", "shards"),
    "first_token": Benchmark("time to first token, beside the client alone", "first_token"),
    "spawning": Benchmark("sessions spawned per second, beside bare Ray actors", "spawning"),
    "interrupting": Benchmark("from an interrupt to its event, under load and alone", "interrupting"),
    "tool_steps": Benchmark(
        "tool loops: a step in the program and on Ray, beside frameworks and the SDK", "tools.steps"
    ),
    "quotas": Benchmark("500 sessions that share a limited account, with quotas and each on its own", "quotas.sharing"),
    "admitting": Benchmark("what it costs to have a request admitted, beside a Ray call", "quotas.admitting"),
    "journal_turns": Benchmark("turns per second with a journal, beside none", "journal.turns"),
    "journal_receipts": Benchmark(
        "a receipt whose message is on the disk, in fsyncs, and commits of many records", "journal.receipts"
    ),
    "passivated": Benchmark("idle sessions that have left memory: their cost, and waking one", "journal.passivated"),
    "recovering": Benchmark("from SIGKILL to the next event, and waking after a long past", "journal.recovering"),
    "nodes": Benchmark("one and three nodes on the same cores, finding a session, draining a node", "cluster.nodes"),
    "one_host": Benchmark("100,000 sessions in one process, and a history of 20,000 messages", "one_host"),
    "memory": Benchmark("memory per session, beside a bare Ray actor", "memory", "sessions"),
    "endurance": Benchmark("memory over 100,000 turns", "memory", "endurance"),
    "growth": Benchmark("how each cost grows, as an exponent", "growth"),
    "delta_cost": Benchmark(
        "CPU time per text delta, beside the SDKs' own objects", "delta_cost", needs_ray=False, in_quick_run=True
    ),
    "request_building": Benchmark(
        "building a request, beside encoding its JSON", "request_building", needs_ray=False, in_quick_run=True
    ),
    "tool_definitions": Benchmark(
        "a request with 100 tools, beside one without", "tools.definitions", needs_ray=False, in_quick_run=True
    ),
    "compacting": Benchmark(
        "compacting a long history, beside encoding it as JSON", "compacting", needs_ray=False, in_quick_run=True
    ),
}
"""In the order in which they run."""
