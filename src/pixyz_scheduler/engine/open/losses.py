"""What a conversion loses: what the scene holds, less what the target format keeps. Pure."""

from pixyz_scheduler.engine.open.formats import FORMATS, Keeps
from pixyz_scheduler.engine.open.looks import has_look, look_of
from pixyz_scheduler.engine.open.scene import Scene


def of(scene: Scene, target: str) -> tuple[str, ...]:
    """A line for each thing that the file written cannot hold."""
    kept = FORMATS[target].keeps
    return tuple(
        f"{target.upper()} cannot hold {thing.value}{f' ({count})' if count > 1 else ''}"
        for thing, count in _held(scene).items()
        if count and thing not in kept
    )


def _held(scene: Scene) -> dict[Keeps, int]:
    """What there is to lose, and how many."""
    facts = scene.facts
    parts = list(scene.parts())
    looks = {look_of(part.mesh).key for part in parts if has_look(part.mesh)}
    return {
        Keeps.TREE: int(_has_tree(scene)),
        Keeps.NAMES: len(parts) if len(parts) > 1 else 0,
        Keeps.COLOURS: len(looks),
        Keeps.TEXTURES: facts.textures,
        Keeps.ANIMATIONS: facts.animations,
        Keeps.SKINS: facts.skins,
        Keeps.VARIANTS: facts.variants,
        Keeps.EXACT: int(scene.document is not None),
        Keeps.PMI: facts.annotations or 0,
        Keeps.PROPERTIES: facts.metadata_properties or 0,
    }


def _has_tree(scene: Scene) -> bool:
    """Whether some node holds two others, below the root."""
    graph = scene.tree.graph
    children = graph.transforms.children
    top = graph.base_frame
    while len(children.get(top, ())) == 1:
        (top,) = children[top]
    return any(children.get(child) for child in children.get(top, ()))
