"""The options of a runtime."""

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig


@pytest.mark.parametrize("ports", [(20_001, 20_000), (0, 20_000), (1, 65_536), (20_000,), "20000-20999", 20_000])
def test_ports_that_are_no_range_are_rejected_by_name(ports: object) -> None:
    with pytest.raises(InvalidConfig, match="ports"):
        rc.Runtime(options=rc.RuntimeOptions(ports=ports))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_more_memory_than_ray_can_count_is_rejected() -> None:
    assert rc.RuntimeOptions(actor_memory_bytes=1 << 48).actor_memory_bytes == 1 << 48
    with pytest.raises(InvalidConfig, match="actor_memory_bytes"):
        rc.RuntimeOptions(actor_memory_bytes=(1 << 48) + 1)
