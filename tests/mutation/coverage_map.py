"""Which tests run which lines, and how long each takes: measured once, so that a mutant runs the tests that matter."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import coverage
import msgspec
import pytest

PYTEST = ("-q", "-n0", "--assert=plain", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


class CoverageMap(msgspec.Struct, frozen=True):
    """The *seconds* of each test, the tests of each line of each module, and the third-party modules they import.

    Tests are numbers: indexes into *tests*. Lines that no test runs, but that run at import, have none.
    """

    tests: list[str]
    seconds: list[float]
    lines: dict[str, dict[int, list[int]]]
    third_party: list[str]

    def tests_of(self, module: str, line: int) -> list[int]:
        """The tests that run *line* of *module*; if it runs at import, those that run anything of the module."""
        lines = self.lines.get(module, {})
        tests = lines.get(line) or {test for tests in lines.values() for test in tests}
        return sorted(tests, key=self.seconds.__getitem__)


class _Recorder:
    """A plugin of pytest that tells *measurement* which test runs, and notes its duration."""

    def __init__(self, measurement: coverage.Coverage) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._measurement = measurement

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._measurement.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def measure(folders: Iterable[str], tests: Sequence[str], file: Path) -> None:
    """Run *tests* in this process, and store the map of the modules in *folders* in *file*.

    Raises:
        RuntimeError: a test fails without a mutant.
    """
    include = [f"{Path.cwd()}/{folder}/{files}" for folder in folders for files in ("*.py", "**/*.py")]
    measurement = coverage.Coverage(data_file=None, include=include, config_file=False)
    recorder = _Recorder(measurement)
    measurement.start()
    status = pytest.main([*PYTEST, *tests], plugins=[recorder])
    measurement.stop()
    if status:
        raise RuntimeError(f"tests fail without a mutant: {', '.join(recorder.failed) or status}")
    names = list(recorder.seconds)
    number = {name: index for index, name in enumerate(names)}
    lines: dict[str, dict[int, list[int]]] = {}
    data = measurement.get_data()
    for path in data.measured_files():
        module = ".".join(("rayconteur", *Path(path).resolve().relative_to(Path.cwd()).with_suffix("").parts))
        lines[module] = {
            line: [number[context] for context in contexts if context in number]
            for line, contexts in data.contexts_by_lineno(path).items()
        }
    found = CoverageMap(names, [recorder.seconds[name] for name in names], lines, _third_party(sys.modules))
    file.write_bytes(msgspec.json.encode(found))


def _third_party(modules: dict[str, Any]) -> list[str]:
    """The names of *modules* that are installed packages, in the order of their import."""
    folder = f"{os.sep}site-packages{os.sep}"
    files = {name: getattr(module, "__file__", None) or "" for name, module in modules.items()}
    return [name for name, file in files.items() if folder in file and not name.startswith("rayconteur")]
