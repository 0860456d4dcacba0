"""Which prepared packages are removed, and whose fault it is when they cannot be had."""

import pytest

from pixyz_scheduler.worker.provision.environments import Cached, superfluous
from pixyz_scheduler.worker.provision.uv import is_away


@pytest.mark.parametrize(
    ("there", "max_age", "max_bytes", "removed"),
    [
        ([], 10, 10, []),
        ([Cached("a", 95, 5)], 10, 10, []),
        ([Cached("a", 89, 5)], 10, 10, ["a"]),
        ([Cached("a", 99, 5), Cached("b", 98, 5), Cached("c", 97, 5)], 10, 10, ["c"]),
        ([Cached("a", 99, 50)], 10, 10, ["a"]),
        ([Cached("a", 99, 50), Cached("b", 98, 50)], 10, 0, []),
        ([Cached("old", 10, 50), Cached("new", 98, 8)], 10, 10, ["old"]),
    ],
)
def test_the_longest_unused_go_first_and_only_as_many_as_must(there, max_age, max_bytes, removed):
    assert superfluous(there, now=100, max_age=max_age, max_bytes=max_bytes) == removed


@pytest.mark.parametrize(
    ("said", "away"),
    [
        ("cause: Connection refused (os error 111)", True),
        ("cause: dns error", True),
        ("cause: operation timed out", True),
        ("cause: HTTP status server error (503 Service Unavailable) for url (https://example.com)", True),
        ("cause: No space left on device (os error 28)", True),
        ("cause: HTTP status client error (401 Unauthorized) for url (https://example.com)", False),
        ("cause: Because x was not found in the package registry, your requirements are unsatisfiable.", False),
        ("RuntimeError: I will not be built", False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(said, away):
    assert is_away(["error: it failed", said]) is away
