"""The exponent of a cost's growth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.benchmarks.exponent import exponent

SIZES = (10, 100, 300, 2_000)


@given(power=st.floats(-2, 4), factor=st.floats(1e-6, 1e6))
def test_a_power_law_is_found_exactly(power: float, factor: float) -> None:
    assert exponent(SIZES, [factor * size**power for size in SIZES]) == pytest.approx(power, abs=1e-9)


def test_what_does_not_grow_has_exponent_nought() -> None:
    assert exponent(SIZES, [3.0] * len(SIZES)) == pytest.approx(0, abs=1e-12)


def test_n_log_n_is_above_linear_and_below_quadratic() -> None:
    assert 1.1 < exponent(SIZES, [size * size.bit_length() for size in SIZES]) < 1.5


def test_a_fixed_part_hides_some_of_the_growth() -> None:
    assert exponent(SIZES, [1_000 + size**2 for size in SIZES]) < 2


def test_where_only_the_middle_is_off_the_slope_stays() -> None:
    assert exponent((1, 10, 100), (1, 20, 100)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("sizes", "costs"),
    [((), ()), ((10,), (1,)), ((10, 10), (1, 2)), ((0, 10), (1, 2)), ((1, 10), (0, 2)), ((1, 10), (1, -2))],
)
def test_what_has_no_exponent_is_refused(sizes: tuple[float, ...], costs: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        exponent(sizes, costs)
