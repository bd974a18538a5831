"""The servers, each started once for the tests of a file."""

from collections.abc import Iterator

import pytest
from servers.llama import Llama, llama_server


@pytest.fixture(scope="module")
def llama() -> Iterator[Llama]:
    """llama.cpp's server."""
    with llama_server() as server:
        yield server
