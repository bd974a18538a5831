"""What the tests over Ray share."""

import uuid
from collections.abc import Iterator

import pytest

import rayconteur as rc
from rayconteur import blocking


@pytest.fixture
def options(ray_address: str) -> rc.RuntimeOptions:
    """A namespace of the test's own on the Ray of this run."""
    del ray_address
    return rc.RuntimeOptions(namespace=f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def namespace() -> str:
    """One for all tests of a file."""
    return f"file-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def runtime(ray_address: str, namespace: str) -> Iterator[blocking.Runtime]:
    """A runtime for all tests of a file. Unless they ask for more, their sessions share an actor."""
    del ray_address
    with blocking.Runtime(placement=rc.Packed(), options=rc.RuntimeOptions(namespace=namespace)) as runtime:
        yield runtime


@pytest.fixture
def session(runtime: blocking.Runtime) -> blocking.SessionHandle:
    """A session that echoes."""
    return runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))
