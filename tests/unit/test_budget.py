import pytest

from pixyz_scheduler.engine.open.budget import LEAST, Load, share


def spent(loads, shares):
    return sum(load.instances * count for load, count in zip(loads, shares, strict=True))


CASING, BOLT, TINY = Load(50_000, 1, 1.0), Load(200, 100, 0.02), Load(12, 30, 0.01)


@pytest.mark.parametrize("triangles", [60_000, 20_000, 5_000])
def test_the_sum_stays_within_the_budget_and_uses_it(triangles):
    loads = [CASING, BOLT, TINY]
    assert 0.97 * triangles <= spent(loads, share(loads, triangles=triangles)) <= triangles


def test_small_parts_keep_more_of_themselves_than_large_ones():
    casing, bolt, tiny = share([CASING, BOLT, TINY], triangles=20_000)
    assert casing / CASING.triangles < bolt / BOLT.triangles < tiny / TINY.triangles == 1


def test_of_two_meshes_with_as_many_triangles_the_larger_keeps_more():
    large, small = share([Load(5000, 1, 1.0), Load(5000, 1, 0.05)], triangles=4000)
    assert large > small


def test_nothing_gets_more_than_it_has():
    assert share([CASING, BOLT], triangles=10**9) == [CASING.triangles, BOLT.triangles]


def test_each_mesh_keeps_its_least_while_that_is_possible():
    shares = share([CASING, BOLT], triangles=101 * LEAST)
    assert min(shares) >= LEAST


def test_when_there_is_too_little_for_that_each_keeps_four():
    assert share([CASING, BOLT], triangles=10) == [4, 4]
