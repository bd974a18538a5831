"""The exponent of a growing cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.benchmarks.scaling import exponent

SIZES = (10, 100, 300, 2_000)


@given(power=st.floats(-2, 4), factor=st.floats(1e-6, 1e6))
def test_the_exponent_of_a_power_law_is_exact(power: float, factor: float) -> None:
    assert exponent(SIZES, [factor * size**power for size in SIZES]) == pytest.approx(power, abs=1e-9)


def test_a_constant_cost_has_exponent_0() -> None:
    assert exponent(SIZES, [3.0] * len(SIZES)) == pytest.approx(0, abs=1e-12)


def test_n_log_n_is_above_linear_and_below_quadratic() -> None:
    assert 1.1 < exponent(SIZES, [size * size.bit_length() for size in SIZES]) < 1.5


def test_a_constant_part_lowers_the_exponent() -> None:
    assert exponent(SIZES, [1_000 + size**2 for size in SIZES]) < 2


def test_an_outlier_in_the_middle_does_not_change_the_exponent() -> None:
    assert exponent((1, 10, 100), (1, 20, 100)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("sizes", "costs"),
    [((), ()), ((10,), (1,)), ((10, 10), (1, 2)), ((0, 10), (1, 2)), ((1, 10), (0, 2)), ((1, 10), (1, -2))],
)
def test_costs_without_an_exponent_are_rejected(sizes: tuple[float, ...], costs: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        exponent(sizes, costs)
