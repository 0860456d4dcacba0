"""What a server's own figures say of what it keeps."""

import pytest

from pixyz_scheduler.broker.store_health import judge

AOF = {"aof_enabled": 1, "aof_last_write_status": "ok", "maxmemory": 0}


@pytest.mark.parametrize(
    ("info", "config", "durability"),
    [
        (AOF, {"appendfsync": "always"}, "strict"),
        (AOF, {"appendfsync": "everysec"}, "relaxed"),
        (AOF, {}, "relaxed"),
        (AOF, {"appendfsync": "no"}, "none"),
        ({"aof_enabled": 0}, {"appendfsync": "always"}, "none"),
        ({}, {"appendfsync": "always"}, "unknown"),
        ({}, {}, "unknown"),
    ],
)
def test_durability_follows_from_the_append_only_file(info, config, durability):
    assert judge(info, config).durability == durability


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
def test_a_store_that_throws_keys_away_is_a_problem_where_its_memory_is_limited(policy):
    limited = {**AOF, "maxmemory": 1 << 30, "maxmemory_policy": policy}
    assert policy in judge(limited, {}).problems[0]
    assert "noeviction" in judge({**AOF, "maxmemory": 1}, {"maxmemory-policy": policy}).problems[0]
    assert judge({**limited, "maxmemory": 0}, {}).problems == ()
    assert judge({**limited, "maxmemory_policy": "noeviction"}, {}).problems == ()


def test_an_append_only_file_that_cannot_be_written_is_a_problem():
    assert "append-only file" in judge({**AOF, "aof_last_write_status": "err"}, {}).problems[0]
