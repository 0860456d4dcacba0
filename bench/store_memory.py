"""What the keys of a store take in its memory, apart from connections, scripts and buffers."""

import redis


def keys_memory(client: "redis.Redis") -> int:
    """Bytes of all keys, values, and the tables they stand in."""
    told = client.memory_stats()
    tables = sum(
        sum(table.values()) for name, table in told.items() if name.startswith("db.") and isinstance(table, dict)
    )
    return int(told["dataset.bytes"]) + int(tables)


def each_key(client: "redis.Redis") -> int:
    """Bytes of all keys, asked for one by one: exact where there are few, whatever else the server keeps."""
    return sum(int(client.memory_usage(key, samples=0) or 0) for key in client.scan_iter(count=1000))
