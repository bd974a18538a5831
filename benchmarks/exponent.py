"""How a cost grows: the exponent of the power law that fits it best."""

import math
from collections.abc import Sequence
from statistics import linear_regression


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The *k* for which ``cost = c * size ** k`` fits best: least squares between the logarithms of both.

    1 is linear growth, 2 quadratic. What each cost has that does not grow makes it smaller.

    Raises:
        ValueError: there are not two different sizes, or one of the figures is not above 0.
    """
    return linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope
