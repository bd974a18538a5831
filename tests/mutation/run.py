"""Mutation testing: does a test fail for a small fault in the code? ``make mutants``.

    python -m mutation.run --number 200 --seed 1 --seconds 2400
    python -m mutation.run --seed 1 --module core.retry      only mutants of modules with this in their names

A sample of mutants is tested one after the other, each in a process of its own: nothing on disk is changed. The tests
that run its line are run, the fast ones first. Those that survive are printed, and stored in
``build/mutants/survivors.json``; the run fails if fewer than ``LEAST_RATE`` of the mutants were killed. Mutants that
make no difference, each with a reason in ``equivalents.toml``, don't count.
"""

import argparse
import importlib
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, ModuleType

import msgspec
import pytest
from mutation.coverage_map import PYTEST, CoverageMap, measure
from mutation.mutants import Mutant, sample

FOLDERS = ("runtime/core", "compaction", "runtime/session")
TESTS = ("tests/core", "tests/compaction", "tests/session", "tests/tools", "tests/metrics")
EXCLUDED = (
    "tests/session/test_current_models.py",
    "tests/session/load/test_long_history.py",
    "tests/session/load/test_many_sessions.py",
    "tests/session/load/test_pages.py::test_a_page_of_a_history_blocks_for_some_milliseconds",
    "tests/session/load/test_pages.py::test_a_page_of_statuses_arrives_whole_and_blocks_for_some_milliseconds",
)
"""Tests that take too long, or measure time and memory."""

LEAST_RATE = 0.9
FAST_S = 0.1
FAST_LIMIT_S, SLOW_LIMIT_S = 60, 240
"""How much CPU time the tests of a mutant may take: an endless loop counts as killed."""

BUSY = 4
"""The tests of a mutant that waits for ever end after so many times their limit: they share the machine."""

MEMORY_BYTES = 6 << 30
ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "mutants"


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that makes no difference that a test could see, for the *reason* given."""

    module: str
    before: str
    after: str
    reason: str


class Equivalents(msgspec.Struct, frozen=True):
    """The file ``equivalents.toml``."""

    mutants: tuple[Equivalent, ...] = ()


class _MutatedModule(importlib.machinery.SourceFileLoader):
    """Finds and loads *mutant* in place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(ROOT / Path(*mutant.module.split(".")[1:]).with_suffix(".py")))
        self._code = mutant.code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of the module that has a mutant."""
        del path, target
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        """The code with the mutant; none is cached."""
        del fullname
        return compile(self._code, self.path, "exec")


def _run_tests(mutant: Mutant, tests: Sequence[str], limit_s: int) -> bool:
    """True if a test fails with *mutant*, or the *tests* don't end."""
    child = os.fork()
    if not child:
        os.setsid()
        status = 70
        with suppress(BaseException):
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            sys.meta_path.insert(0, _MutatedModule(mutant))
            status = int(pytest.main([*PYTEST, "-x", *tests]))
        os._exit(status)
    deadline = time.monotonic() + BUSY * limit_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _is_killed(mutant: Mutant, tests: CoverageMap) -> bool:
    found = tests.tests_of(mutant.module, mutant.line)
    fast = [tests.tests[test] for test in found if tests.seconds[test] < FAST_S]
    slow = [tests.tests[test] for test in found if tests.seconds[test] >= FAST_S]
    own = next(f"tests/{name}/" for name in ("session", "core", "compaction") if f".{name}." in mutant.module)
    near = [name for name in fast if name.startswith(own)]
    far = [name for name in fast if not name.startswith(own)]
    return (
        bool(near and _run_tests(mutant, near, FAST_LIMIT_S))
        or bool(far and _run_tests(mutant, far, FAST_LIMIT_S))
        or bool(slow and _run_tests(mutant, slow, SLOW_LIMIT_S))
    )


def _coverage_map(keep: bool) -> CoverageMap:
    """Measured in a process of its own, so that this one imports nothing that has mutants."""
    OUT.mkdir(parents=True, exist_ok=True)
    file = OUT / "coverage.json"
    if keep and file.exists():
        return msgspec.json.decode(file.read_bytes(), type=CoverageMap)
    child = os.fork()
    if not child:
        status = 1
        try:
            tests = [*TESTS, *(f"--deselect={path}" for path in EXCLUDED)]
            measure(FOLDERS, tests, file)
            status = 0
        except RuntimeError as error:
            print(error, file=sys.stderr)
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        sys.exit(2)
    return msgspec.json.decode(file.read_bytes(), type=CoverageMap)


def _import_third_party(names: Sequence[str]) -> None:
    """Once for all processes: it takes longer than most tests."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


def known_equivalents() -> tuple[Equivalent, ...]:
    """The mutants that make no difference."""
    data = tomllib.loads((Path(__file__).parent / "equivalents.toml").read_text())
    return msgspec.convert(data, Equivalents).mutants


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mutation.run")
    parser.add_argument("--number", type=int, default=200, help="how many mutants are tested at most")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--seconds", type=float, default=2_400, help="no mutant is tested any more after that")
    parser.add_argument("--module", default="", help="only modules with this in their names")
    parser.add_argument("--keep-map", action="store_true", help="use what the last run measured")
    return parser.parse_args()


def main() -> None:
    """Test a sample of mutants, and report which survive."""
    arguments = _arguments()
    os.chdir(ROOT)
    tests = _coverage_map(arguments.keep_map)
    _import_third_party(tests.third_party)
    began = time.monotonic()
    known = {(equivalent.module, equivalent.before, equivalent.after) for equivalent in known_equivalents()}
    killed, equivalent, survivors = 0, 0, list[Mutant]()
    for mutant in sample(ROOT, FOLDERS, arguments.number, arguments.seed, arguments.module):
        if time.monotonic() - began > arguments.seconds:
            break
        if (mutant.module.removeprefix("rayconteur."), mutant.before, mutant.after) in known:
            equivalent += 1
        elif _is_killed(mutant, tests):
            killed += 1
        else:
            survivors.append(mutant)
            print(
                f"{mutant.module}:{mutant.line} {mutant.operator}\n  - {mutant.before}\n  + {mutant.after}", flush=True
            )
    (OUT / "survivors.json").write_bytes(msgspec.json.encode(survivors))
    tested = killed + len(survivors)
    rate = killed / max(1, tested)
    print(f"{killed} of {tested} mutants killed ({rate:.1%}); {equivalent} equivalent ones; seed {arguments.seed}")
    sys.exit(rate < LEAST_RATE)


if __name__ == "__main__":
    main()
