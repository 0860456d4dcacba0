"""`Metadata` of a scene."""

from pixyz_scheduler.engine.base import Metadata
from pixyz_scheduler.engine.open.scene import Scene


def of(scene: Scene) -> Metadata:
    """Count and measure."""
    raise NotImplementedError
