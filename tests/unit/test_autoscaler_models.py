"""The models of KEDA and of HPA, as tables: by hand from their sources and their documentation."""

import pytest

from tests.fakes.hpa_model import DOWN, UP, Hpa, Past, Policy, Rules, step, wanted
from tests.fakes.keda_model import ScaledJob, ScaledObject, Trigger, polled, to_start

HPA = Hpa(target=1, least=1, most=10)


@pytest.mark.parametrize(
    ("target", "value", "replicas", "expected"),
    [
        (1, 5, 1, 5),
        (1, 2, 5, 2),
        (1, 0, 3, 0),
        # Rounded up, so that the last job has a pod.
        (4, 9, 1, 3),
        (4, 1, 2, 1),
        # A tenth more or less is let be.
        (1, 21, 20, 20),
        (1, 9, 10, 10),
        (1, 12, 10, 12),
        (1, 8, 10, 8),
    ],
)
def test_the_pods_that_an_average_wants(target, value, replicas, expected):
    assert wanted(Hpa(target=target, least=1, most=100), value=value, replicas=replicas) == expected


def looks(hpa, replicas, *told):
    """How many pods there are after each look of (moment, value)."""
    past, found = Past(), []
    for now, value in told:
        replicas, past = step(hpa, past, value=value, replicas=replicas, now=now)
        found.append(replicas)
    return found


@pytest.mark.parametrize(
    ("hpa", "replicas", "told", "expected"),
    [
        # Up: the larger of 4 pods and 100 % each 15 s.
        (HPA, 1, [(0, 10), (1, 10), (16, 10)], [5, 5, 10]),
        (Hpa(1, 1, 100), 6, [(0, 100), (15, 100), (30, 100)], [12, 24, 48]),
        # No more than the most, no less than the least; and where there are others, they are mended first.
        (HPA, 8, [(0, 50)], [10]),
        (HPA, 12, [(0, 50)], [10]),
        (Hpa(1, 2, 10), 3, [(0, 0), (400, 0)], [2, 2]),
        # Down: the highest of the last 300 s holds.
        (HPA, 5, [(0, 5), (60, 1), (299, 1), (301, 1)], [5, 5, 5, 1]),
        (HPA, 5, [(0, 5), (60, 3), (290, 1), (301, 1), (361, 1)], [5, 5, 5, 3, 1]),
        # A window of up: what was less a moment ago holds.
        (Hpa(1, 1, 10, up=Rules(60, UP.policies)), 1, [(0, 1), (30, 4), (61, 4)], [1, 1, 4]),
        # Policies of down.
        (Hpa(1, 1, 10, down=Rules(0, (Policy("Pods", 1, 60),))), 5, [(0, 1), (30, 1), (61, 1)], [4, 4, 3]),
        (Hpa(1, 1, 10, down=Rules(0, (Policy("Percent", 50, 60),))), 8, [(0, 1), (61, 1)], [4, 2]),
        (Hpa(1, 1, 10, down=Rules(0, DOWN.policies, "Disabled")), 8, [(0, 1)], [8]),
        (
            Hpa(1, 1, 10, down=Rules(0, (Policy("Pods", 1, 60), Policy("Percent", 50, 60)), "Min")),
            8,
            [(0, 1)],
            [7],
        ),
        # Without a metric all stays; with no pod it sleeps: that is KEDA's part.
        (HPA, 3, [(0, None)], [3]),
        (HPA, 0, [(0, 5)], [0]),
    ],
)
def test_the_pods_after_each_look(hpa, replicas, told, expected):
    assert looks(hpa, replicas, *told) == expected


OBJECT = ScaledObject(Trigger(target=1), cooldown=300)


@pytest.mark.parametrize(
    ("scaled", "value", "replicas", "last_active", "expected"),
    [
        # Now is 1000. From nothing to one; the rest is HPA's.
        (OBJECT, 7, 0, None, (1, 1000)),
        (ScaledObject(Trigger(1), least=2), 7, 0, None, (2, 1000)),
        (OBJECT, 7, 3, 500, (3, 1000)),
        # Back to none when the cooldown is over; at once where nobody knows when it was active.
        (OBJECT, 0, 1, 701, (1, 701)),
        (OBJECT, 0, 1, 700, (1, 700)),
        (OBJECT, 0, 1, 699, (0, 699)),
        (OBJECT, 0, 5, 699, (0, 699)),
        (OBJECT, 0, 1, None, (0, None)),
        (OBJECT, 0, 0, 699, (0, 699)),
        (ScaledObject(Trigger(1), least=2), 0, 3, 0, (3, 0)),
        (ScaledObject(Trigger(1), least=2), 0, 1, 0, (2, 0)),
        # Active is more than the activation, not as much.
        (ScaledObject(Trigger(1, activation=5)), 5, 0, None, (0, None)),
        (ScaledObject(Trigger(1, activation=5)), 6, 0, None, (1, 1000)),
        # An API that does not answer takes no pod away.
        (OBJECT, None, 3, 0, (3, 0)),
        (OBJECT, None, 0, None, (0, None)),
    ],
)
def test_from_nothing_and_back_to_it(scaled, value, replicas, last_active, expected):
    assert polled(scaled, value=value, replicas=replicas, last_active=last_active, now=1000) == expected


DEFAULT, ACCURATE = ScaledJob(Trigger(1), most=10), ScaledJob(Trigger(1), "accurate", most=10)


@pytest.mark.parametrize(
    ("scaled", "value", "running", "pending", "expected"),
    [
        # KEDA's own table: the queue's length, running jobs; `default` reads them as part of the queue.
        (DEFAULT, 3, 0, 0, 3),
        (DEFAULT, 3, 3, 0, 0),
        (DEFAULT, 5, 3, 0, 2),
        (DEFAULT, 2, 3, 0, 0),
        (DEFAULT, 20, 3, 0, 7),
        # `accurate` reads them as apart from it, and takes off those that have not begun.
        (ACCURATE, 3, 0, 0, 3),
        (ACCURATE, 3, 3, 0, 3),
        (ACCURATE, 3, 3, 2, 1),
        (ACCURATE, 3, 8, 0, 2),
        (ACCURATE, 20, 3, 0, 7),
        # Some jobs a pod.
        (ScaledJob(Trigger(2), most=10), 5, 1, 0, 2),
        (DEFAULT, 0, 0, 0, 0),
        (DEFAULT, None, 0, 0, 0),
    ],
)
def test_the_pods_of_one_job_that_are_begun(scaled, value, running, pending, expected):
    assert to_start(scaled, value=value, running=running, pending=pending) == expected
