"""Coverage-guided fuzzing of all decoders with atheris: ``make fuzz``.

    python -m fuzzing.decoders --seconds 60                     all decoders, for an equal share of the time each
    python -m fuzzing.decoders --decoder cohere --kind stream   one decoder, for all of the time
    python -m fuzzing.decoders --decoder cohere --kind stream --repeat .fuzz/cohere-stream-crash-...

The corpus starts with recorded bodies. An input that breaks the contract (see ``checkers.decoder_contract``) is saved
in ``.fuzz``, and the run exits with status 1.
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
CRASHES = ROOT / ".fuzz"
KINDS = ("stream", "whole")
PIECE_BYTES = 1_000
SEEDS = 60
MAX_BYTES = 32_768
HANG_S = 10
MEMORY_LIMIT_MB = 1_024
MIN_S = 2


def contract_check(name: str, kind: str) -> Callable[[bytes], None]:
    """The function that checks the contract of one decoder with an input; it raises if it is broken."""
    decoders = import_module("checkers.decoder_contract")

    def stream(data: bytes) -> None:
        decoders.check_stream(name, [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)])

    def whole(data: bytes) -> None:
        decoders.check_whole(name, data)

    return stream if kind == "stream" else whole


def fuzz_one(name: str, kind: str, seconds: int) -> None:
    """Fuzz one decoder. Does not return: libFuzzer exits the process."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["rayconteur.providers"]):
        decoders = import_module("checkers.decoder_contract")
    mutate_body = import_module("builders.mutated_bodies").mutate_body
    CRASHES.mkdir(parents=True, exist_ok=True)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        # Half of the time libFuzzer's own mutations, which do not know JSON; otherwise mutations of values in events.
        if seed % 2:
            return bytes(atheris.Mutate(data, max_size))
        return bytes(mutate_body(data, Random(seed))[:max_size])

    with TemporaryDirectory() as corpus:
        bodies = [body for body in decoders.bodies(name, kind == "stream") if len(body) <= MAX_BYTES]
        for body in bodies[:: max(1, len(bodies) // SEEDS)]:
            (Path(corpus) / sha256(body).hexdigest()).write_bytes(body)
        flags = {
            "max_total_time": seconds,
            "timeout": HANG_S,
            "rss_limit_mb": MEMORY_LIMIT_MB,
            "max_len": MAX_BYTES,
            "artifact_prefix": f"{CRASHES}/{name}-{kind}-",
            "verbosity": 0,
            "print_final_stats": 1,
        }
        atheris.Setup(
            [sys.argv[0], *(f"-{option}={value}" for option, value in flags.items()), corpus],
            contract_check(name, kind),
            custom_mutator=mutate,
        )
        atheris.Fuzz()


def fuzz_each(names: list[str], seconds: int) -> int:
    """Fuzz the decoders *names*, each in its own process, for *seconds* in all. Returns the number of failures."""
    runs = list(product(names, KINDS))
    share_s = max(MIN_S, seconds // len(runs))
    failed = 0
    for name, kind in runs:
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
        counts = [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("stat::number_of_executed")]
        print(f"{name}, {kind}: {counts[0] if counts else 'no'} bodies in {share_s} s", flush=True)
        if done.returncode:
            failed += 1
            print(done.stdout, done.stderr, sep="\n")
    return failed


def main() -> int:
    """Run the command line. Returns 1 if a decoder broke the contract."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="in all, without the time to start")
    parser.add_argument("--decoder", help="name in DECODERS (default: all)")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--repeat", type=Path, help="run a saved input again; needs --decoder and --kind")
    options = parser.parse_args()
    if options.repeat:
        contract_check(options.decoder, options.kind)(options.repeat.read_bytes())
    elif missing := missing_requirement():
        print(f"skipped: {missing}")
    elif options.decoder and options.kind:
        fuzz_one(options.decoder, options.kind, options.seconds)
    else:
        names = [options.decoder] if options.decoder else list(import_module("checkers.decoder_contract").DECODERS)
        return min(1, fuzz_each(names, options.seconds))
    return 0


def missing_requirement() -> str | None:
    """What fuzzing needs and is not here; ``None`` if nothing is missing."""
    if importlib.util.find_spec("atheris") is None:
        return "atheris is not installed: it has no wheel for this platform or Python version"
    folder = import_module("servers.recordings").FOLDER
    return None if folder.is_dir() else f"no recorded bodies for the corpus in {folder}"


if __name__ == "__main__":
    sys.exit(main())
