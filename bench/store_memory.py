"""What the keys of a store take in its memory, apart from connections, scripts and buffers."""

import redis


def keys_memory(client: "redis.Redis") -> int:
    """Bytes of all keys, values, and the tables they stand in."""
    told = client.memory_stats()
    tables = sum(
        sum(table.values()) for name, table in told.items() if name.startswith("db.") and isinstance(table, dict)
    )
    return int(told["dataset.bytes"]) + int(tables)
