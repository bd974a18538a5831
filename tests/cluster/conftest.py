"""What the tests over Ray share."""

import uuid

import pytest

import rayconteur as rc


@pytest.fixture
def options(ray_address: str) -> rc.RuntimeOptions:
    """A namespace of the test's own on the Ray of this run."""
    del ray_address
    return rc.RuntimeOptions(namespace=f"test-{uuid.uuid4().hex[:8]}")
