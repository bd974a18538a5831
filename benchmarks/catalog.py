"""The programs there are. Imports nothing, for the command line's help names them, too."""

PROGRAMS = {
    "server_ceiling": "what the load server itself can send",
    "costs": "what a token and a turn cost, and which process pays",
    "saturated": "text end to end over HTTP, as fast as it goes, beside all others",
    "paced": "the same at the pace of a model: what arrives of what is offered",
    "throughput": "events through the router, beside one Ray call for each",
    "latency": "what a token waits for at 1, 50 and 90 % of the ceiling, beyond a bare loop",
    "shards": "one, two and four routers",
    "first_token": "time to first token, beside the client alone",
    "spawning": "sessions spawned per second, beside bare Ray actors",
    "interrupting": "from an interrupt to its event, under load and alone",
    "memory": "what a session takes, beside a bare Ray actor",
    "endurance": "memory over 100,000 turns",
    "growth": "how each cost grows, as an exponent",
    "delta_cost": "CPU time for each text delta, beside the SDKs' own objects",
    "request_building": "the body of a request, beside the encoding of its JSON",
    "compacting": "shortening a long history, beside the encoding of its JSON",
}
"""What each of them measures, in the order in which they run."""

WITHOUT_RAY = frozenset({"server_ceiling", "delta_cost", "request_building", "compacting"})
"""Those that need none: beside them there is none, for an idle one takes some CPU time, too."""

LONG = frozenset(
    {
        "costs",
        "latency",
        "shards",
        "first_token",
        "spawning",
        "interrupting",
        "memory",
        "endurance",
        "growth",
    }
)
"""Those that show little in a few seconds: a quick run has them only if they are asked for."""
