"""Fuzz the decoders of answers with atheris, led by what of them it reaches: ``make fuzz``.

    python -m fuzzing.decoders --seconds 60                     all of them, a share of the time each
    python -m fuzzing.decoders --decoder cohere --kind stream   one of them, for all of it
    python -m fuzzing.decoders --decoder cohere --kind stream --repeat .fuzz/cohere-stream-crash-...

It begins with bodies that were recorded. What breaks a promise is kept in ``.fuzz``, and ends the run with an
error.
"""

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".fuzz"
KINDS = ("stream", "whole")
PIECE_BYTES = 1_000
SEEDS = 60
MAX_BYTES = 32_768
HANG_S = 10
MEMORY_LIMIT_MB = 1_024
LEAST_S = 2


def check(name: str, kind: str) -> Callable[[bytes], None]:
    """What is asked of one decoder; it raises where a promise is broken."""
    decoders = import_module("checkers.decoder_contract")

    def stream(data: bytes) -> None:
        decoders.read_stream(name, [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)])

    def whole(data: bytes) -> None:
        decoders.read_whole(name, data)

    return stream if kind == "stream" else whole


def fuzz(name: str, kind: str, seconds: int) -> None:
    """Fuzz one decoder in this process, and end it."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["rayconteur.providers"]):
        decoders = import_module("checkers.decoder_contract")
    mutated = import_module("builders.mutated_bodies").mutated
    KEPT.mkdir(parents=True, exist_ok=True)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        # Half of the time as libFuzzer does it, which knows no JSON; else something in an event.
        if seed % 2:
            return bytes(atheris.Mutate(data, max_size))
        return bytes(mutated(data, Random(seed))[:max_size])

    with TemporaryDirectory() as corpus:
        bodies = [body for body in decoders.bodies(name, kind == "stream") if len(body) <= MAX_BYTES]
        for body in bodies[:: max(1, len(bodies) // SEEDS)]:
            (Path(corpus) / sha256(body).hexdigest()).write_bytes(body)
        options = {
            "max_total_time": seconds,
            "timeout": HANG_S,
            "rss_limit_mb": MEMORY_LIMIT_MB,
            "max_len": MAX_BYTES,
            "artifact_prefix": f"{KEPT}/{name}-{kind}-",
            "verbosity": 0,
            "print_final_stats": 1,
        }
        atheris.Setup(
            [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), corpus],
            check(name, kind),
            custom_mutator=mutate,
        )
        atheris.Fuzz()


def fuzz_each(names: list[str], seconds: int) -> int:
    """Fuzz all of *names*, each in a process of its own, in so many seconds altogether; how many failed."""
    asked = list(product(names, KINDS))
    share_s = max(LEAST_S, seconds // len(asked))
    failed = 0
    for name, kind in asked:
        command = [
            sys.executable,
            "-m",
            "fuzzing.decoders",
            "--decoder",
            name,
            "--kind",
            kind,
            "--seconds",
            str(share_s),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("stat::number_of_executed")]
        print(f"{name}, {kind}: {runs[0] if runs else 'no'} bodies in {share_s} s", flush=True)
        if done.returncode:
            failed += 1
            print(done.stdout, done.stderr, sep="\n")
    return failed


def main() -> int:
    """Read the command line, and do as it says; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="altogether, besides starting")
    parser.add_argument("--decoder", help="its name in the table of decoders")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--repeat", type=Path, help="a body that was kept; with --decoder and --kind")
    given = parser.parse_args()
    if given.repeat:
        check(given.decoder, given.kind)(given.repeat.read_bytes())
    elif missing := why_not():
        print(f"skipped: {missing}")
    elif given.decoder and given.kind:
        fuzz(given.decoder, given.kind, given.seconds)
    else:
        names = [given.decoder] if given.decoder else list(import_module("checkers.decoder_contract").DECODERS)
        return min(1, fuzz_each(names, given.seconds))
    return 0


def why_not() -> str | None:
    """What is missing for fuzzing, if anything is."""
    if importlib.util.find_spec("atheris") is None:
        return "atheris is not installed, which has no wheel for this machine or this Python"
    folder = import_module("servers.recordings").FOLDER
    return None if folder.is_dir() else f"there are no recorded bodies to begin with in {folder}"


if __name__ == "__main__":
    sys.exit(main())
