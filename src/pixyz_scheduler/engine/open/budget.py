"""How many triangles each mesh of a scene may keep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A mesh's claim grows with its triangles, but slower: a bolt of 200 keeps its shape, a casing of 50 000 has plenty.
BY_TRIANGLES = 0.7
# And with its size on the picture: what is larger shows its corners more.
BY_SIZE = 0.3
# Below this a part has no shape left; below LAST it is nothing.
LEAST = 24
LAST = 4


@dataclass(frozen=True)
class Load:
    """One mesh: its triangles, how often it is drawn, and its size as part of the scene's, over 0 to 1."""

    triangles: int
    instances: int
    size: float


def share(loads: Sequence[Load], *, triangles: int) -> list[int]:
    """Divide a number of triangles, each instance counted, between meshes.

    No mesh gets more than it has. Each keeps LEAST (or all that it has) where there is enough for that, else LAST;
    where there is not even enough for that, the sum is more than `triangles`.
    """
    have = np.array([load.triangles for load in loads], dtype=np.float64)
    uses = np.array([load.instances for load in loads], dtype=np.float64)
    size = np.clip([load.size for load in loads], 0.01, 1.0)
    claim = have**BY_TRIANGLES * size**BY_SIZE
    least = np.minimum(have, LEAST)
    if (least * uses).sum() > triangles:
        least = np.minimum(have, LAST)

    def given(factor: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.minimum(have, np.maximum(least, np.floor(factor * claim)))

    low, high = 0.0, float((have / claim).max())
    for _ in range(60):
        middle = (low + high) / 2
        if (given(middle) * uses).sum() <= triangles:
            low = middle
        else:
            high = middle
    return [int(count) for count in given(low)]
