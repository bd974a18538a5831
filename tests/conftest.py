"""Fixtures of all tests, and how a parallel run distributes the tests."""

import asyncio
import gc
import logging
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from checkers.examples import ALL_EXAMPLES
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

import rayconteur as rc
from rayconteur.providers.sdk.versions import TESTED, installed_version

if TYPE_CHECKING:
    from rayconteur import blocking

# An example that takes longer than usual says nothing on a machine that runs several tests at once.
hypothesis.settings.register_profile(
    "without_deadlines", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(ALL_EXAMPLES, hypothesis.settings.get_profile("without_deadlines"))
hypothesis.settings.load_profile("without_deadlines")

WITHOUT_JOURNAL = rc.runtime.NoJournal()
"""What most tests are about does not depend on a journal, whose process takes a second of CPU to start."""

USES_RAY = ("cluster/", "driver/")
"""Folders whose tests use the Ray of their process."""

STARTS_PROGRAMS = (
    "benchmarks/test_adapters_with_ray.py",
    "cli/",
    "docs/test_code_blocks.py",
    "driver/test_ctrl_c.py",
    "real_servers/test_llama_sessions.py",
    "test_examples.py",
    "test_readme.py",
)
"""Folders and files whose tests use Ray, too, or start programs that do."""


SYSTEM = (
    *STARTS_PROGRAMS,
    "cluster/failures/",
    "cluster/journal/test_catalog.py",
    "cluster/journal/test_draining.py",
    "cluster/journal/test_journal_actor.py",
    "cluster/journal/test_journal_failures.py",
    "cluster/journal/test_outliving_tools.py",
    "cluster/journal/test_passivated_sessions.py",
    "cluster/journal/test_templates.py",
    "cluster/journal/test_unusable_journals.py",
    "cluster/test_own_sdk.py",
    "cluster/test_plugin.py",
    "cluster/test_router_chaos.py",
)
"""Folders and files whose tests are marked ``system``: what takes whole programs, or many processes of its own."""


class RayTestsTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Distributes the tests to processes by file.

    Each half of the tests that need Ray is in one process: a run starts no more than one Ray for a process.
    """

    def _split_scope(self, nodeid: str) -> str:
        name = _name(nodeid)
        if name.startswith("benchmarks/test_programs.py"):  # each takes half a minute
            return nodeid
        if name.startswith(STARTS_PROGRAMS):
            return "programs"
        return "ray" if name.startswith(USES_RAY) else name


def _name(nodeid: str) -> str:
    """The file of a test, as the lists above have it."""
    return nodeid.partition("::")[0].removeprefix("tests/")


def pytest_report_header() -> str:
    """The installed versions of what an answer passes through."""
    versions = [f"{name} {installed_version(name)}" for name in ("ray", "msgspec", *TESTED)]
    return f"versions: {', '.join(versions)}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> RayTestsTogether:
    """The scheduler of a parallel run."""
    return RayTestsTogether(config, log)  # pyright: ignore[reportArgumentType]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave the thousands of collected tests alone in garbage collections: each would take a second."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the system tests, before tests are selected by their marks."""
    for item in items:
        if _name(item.nodeid).startswith(SYSTEM):
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root folder of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of the Ray of this run. This process is connected to it, so runtimes need no address."""
    import ray  # here, because it takes a second and most runs do not need it

    with pytest.MonkeyPatch.context() as environment:
        # Nobody reads the logs of workers: looking for new files all the time takes 3 % of a CPU.
        environment.setenv("RAY_LOG_MONITOR_MANY_FILES_THRESHOLD", "0")
        environment.setenv("LOG_NAME_UPDATE_INTERVAL_S", "86_400")
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture
def options(ray_address: str) -> rc.RuntimeOptions:
    """Options with a new namespace on the Ray of this run, without a journal."""
    del ray_address
    return rc.RuntimeOptions(namespace=f"test-{uuid.uuid4().hex[:8]}", journal=WITHOUT_JOURNAL)


@pytest.fixture(scope="session")
def namespace() -> str:
    """The namespace of ``runtime`` and ``async_runtime``: that of programs which name none, so that they join it."""
    return rc.RuntimeOptions().namespace


@pytest.fixture(scope="session")
def runtime_of_run(ray_address: str, namespace: str) -> "Iterator[blocking.Runtime]":
    """A runtime for all tests of this run: each new one starts three processes."""
    from rayconteur import blocking

    del ray_address
    options = rc.RuntimeOptions(namespace=namespace, journal=WITHOUT_JOURNAL)
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def runtime(runtime_of_run: "blocking.Runtime") -> "Iterator[blocking.Runtime]":
    """A runtime whose namespace has the sessions of this file only. By default, its sessions share an actor."""
    yield runtime_of_run
    for status in runtime_of_run.sessions():
        runtime_of_run.session(status.id).close()


@pytest.fixture
def joining(runtime: "blocking.Runtime", namespace: str) -> rc.RuntimeOptions:
    """Options with the namespace of ``runtime``: entering another one starts no process."""
    del runtime
    return rc.RuntimeOptions(namespace=namespace)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """Runs the coroutines of all tests that use ``async_runtime``, in the loop in which it was entered."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def async_runtime_of_run(runner: asyncio.Runner, ray_address: str, namespace: str) -> Iterator[rc.Runtime]:
    """A runtime for all tests of this run, as ``runtime_of_run``."""
    del ray_address
    options = rc.RuntimeOptions(namespace=namespace, journal=WITHOUT_JOURNAL)
    runtime = rc.Runtime(placement=rc.Packed(), options=options)
    runner.run(runtime.__aenter__())
    yield runtime
    runner.run(runtime.__aexit__(None, None, None))


@pytest.fixture
def async_runtime(runtime: "blocking.Runtime", async_runtime_of_run: rc.Runtime) -> rc.Runtime:
    """A runtime in the namespace of ``runtime``, for the coroutines that ``runner`` runs."""
    del runtime  # which closes the sessions at the end of the file
    return async_runtime_of_run


@pytest.fixture
def session(runtime: "blocking.Runtime") -> "blocking.SessionHandle":
    """A session that echoes each message."""
    return runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))
