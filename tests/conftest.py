"""What all tests share."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

STARTS_RAY = (
    "benchmarks/test_crowds_with_ray.py",
    "cli/",
    "cluster/",
    "test_examples.py",
    "test_readme.py",
    "test_wheel.py",
)
"""What starts Ray, or joins the one of this run."""


class OneForRay(LoadScopeScheduling):  # type: ignore[misc]
    """Deals the tests out to several processes, a file at a time. One gets all that need Ray: there is only one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "ray" if file.removeprefix("tests/").startswith(STARTS_RAY) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneForRay:
    """The scheduler of a run in several processes."""
    return OneForRay(config, log)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of the one Ray of this run, which this process has joined: runtimes in it need no address."""
    import ray  # here, so that runs without it don't wait for it

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
