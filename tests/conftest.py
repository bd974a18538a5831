"""What all tests share."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

STARTS_RAY = ("benchmarks", "cli", "cluster", "test_examples.py", "test_readme.py", "test_wheel.py")
"""What starts Ray, or joins the one of this run."""


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in several processes, one of them runs all that need Ray: there is only one of it at a time."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in STARTS_RAY:
            item.add_marker(pytest.mark.xdist_group("ray"))


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
