"""The sha256 of what passes by is that of the whole, however it came."""

import hashlib
import os
import threading

import pytest

from pixyz_scheduler.storage.digest import Digest


@pytest.mark.parametrize("sizes", [[], [0], [5], [1 << 20], [7, 3 << 20, 11], [70_000] * 100, [1 << 20] * 9 + [1]])
def test_it_is_the_digest_of_all_parts_in_order(sizes):
    parts, digest = [os.urandom(size) for size in sizes], Digest()
    for part in parts:
        digest.update(part)
    expected = hashlib.sha256(b"".join(parts)).hexdigest()
    assert digest.hexdigest() == expected
    digest.close()
    assert digest.hexdigest() == expected


def test_it_may_be_asked_in_between_and_leaves_no_thread():
    digest = Digest()
    digest.update(b"a" * (2 << 20))
    assert digest.hexdigest() == hashlib.sha256(b"a" * (2 << 20)).hexdigest()
    digest.update(b"b")
    digest.close()
    digest.close()
    assert digest.hexdigest() == hashlib.sha256(b"a" * (2 << 20) + b"b").hexdigest()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sha256")]
