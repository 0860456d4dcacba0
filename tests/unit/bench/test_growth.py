"""The exponent of a power law."""

import pytest

from bench.growth import exponent


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_is_that_of_the_law(power):
    sizes = (10, 100, 1000)
    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_what_does_not_grow_at_all_has_none():
    assert exponent((1, 10), (0.0, 0.0)) == 0
