"""KnownOutlines: what was read from the last scripts; most farms are sent the same few again and again."""

from functools import lru_cache

from pixyz_scheduler.catalog.outline import ScriptOutline

_KEPT = 64
# What is kept of a larger one could be large as well.
_SMALL = 64 << 10


def outline_of(source: bytes, *, filename: str) -> ScriptOutline:
    """As `ScriptOutline.parse`, which is asked once for the same bytes of the same name."""
    return _kept(source, filename) if len(source) <= _SMALL else ScriptOutline.parse(source, filename=filename)


# An outline is frozen, and nobody writes to what it holds. A script that is refused is not kept.
@lru_cache(_KEPT)
def _kept(source: bytes, filename: str) -> ScriptOutline:
    return ScriptOutline.parse(source, filename=filename)
