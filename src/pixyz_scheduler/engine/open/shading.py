"""How bright a sample of a surface is: lamps fixed to the eye, and the darkness of corners.

All colours are linear here; the picture is encoded once, at its end.
"""

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float32]

SKY = np.array([0.27, 0.28, 0.30], dtype=np.float32)
GROUND = np.array([0.115, 0.11, 0.105], dtype=np.float32)
# direction to the lamp in camera axes (right, up, towards the eye), and its colour
LAMPS = (
    ((0.45, 0.75, 0.75), (0.66, 0.64, 0.61)),
    ((-0.8, 0.15, 0.6), (0.17, 0.175, 0.19)),
    ((0.1, -0.7, 0.5), (0.06, 0.06, 0.06)),
)
HIGHLIGHT = (0.25, 0.45, 1.0)
SHININESS = 40
GLOSS = 0.12
# How much of the light a deep corner loses, and how far a corner reaches, as part of the picture's height.
CORNER_DARKNESS = 0.62
CORNER_REACH = 0.035
# Rings of a corner's search: how many pairs of places, at what part of the reach.
RINGS = ((3, 0.3), (4, 0.65), (4, 1.0))


def lit(colour: Reals, normal: Reals) -> Reals:
    """Give the light (n, 3) that samples of `colour` send to the eye; `normal` in camera axes, of length 1."""
    sky = (0.5 + 0.5 * normal[:, 1])[:, None]
    light = GROUND + (SKY - GROUND) * sky
    for direction, strength in LAMPS:
        light += np.maximum(normal @ _unit(direction), 0)[:, None] * np.array(strength, dtype=np.float32)
    gleam = np.maximum(normal @ _unit(HIGHLIGHT), 0) ** SHININESS * np.float32(GLOSS)
    light_sent: Reals = colour * light + gleam[:, None]
    return light_sent


def corners(distance: Reals, *, reach: float, samples: float) -> Reals:
    """Give how dark each place of a picture is because it lies in a corner, 0 to 1.

    `distance` (height, width) from the eye, infinite where nothing is; `reach` in the unit of the model, `samples` its
    size on the picture. Places are looked at in opposite pairs: on a plane, however tilted, what one side gains the
    other loses, so that only hollows darken.
    """
    far = np.float32(1e30)
    distance = np.where(np.isfinite(distance), distance, far)
    dark = np.zeros_like(distance)
    count = 0
    for pairs, part in RINGS:
        for index in range(pairs):
            angle = np.pi * (index + 0.4 * part) / pairs
            length = max(1.0, part * samples)
            dx, dy = round(np.cos(angle) * length), round(np.sin(angle) * length)
            one, other = distance - _moved(distance, dx, dy, far), distance - _moved(distance, -dx, -dy, far)
            hollow = one + other
            hollow[(np.abs(one) > 2 * reach) | (np.abs(other) > 2 * reach)] = 0
            dark += np.clip(hollow * np.float32(2 / (reach * part)) - np.float32(0.03), 0, 1)
            count += 1
    darkest: Reals = np.minimum(dark / count, np.float32(0.8))
    return darkest


def softened(linear: Reals) -> Reals:
    """Bend what is too bright towards white, so that a lit white part keeps its shape."""
    bent: Reals = np.minimum(linear / (1 + np.float32(0.12) * linear) * np.float32(1.06), 1)
    return bent


def encode(linear: Reals) -> Reals:
    """Encode linear light, 0 to 1, as sRGB (IEC 61966-2-1)."""
    value = np.clip(linear, 0, 1)
    encoded: Reals = np.where(
        value <= np.float32(0.0031308),
        value * np.float32(12.92),
        np.float32(1.055) * value ** np.float32(1 / 2.4) - np.float32(0.055),
    )
    return encoded


def decode(srgb: Reals) -> Reals:
    """Turn sRGB values, 0 to 1, into linear light."""
    linear: Reals = np.where(
        srgb <= np.float32(0.04045),
        srgb / np.float32(12.92),
        ((srgb + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4),
    )
    return linear


def _unit(direction: tuple[float, float, float]) -> Reals:
    vector = np.array(direction, dtype=np.float32)
    unit: Reals = vector / np.linalg.norm(vector)
    return unit


def _moved(image: Reals, dx: int, dy: int, beyond: np.float32) -> Reals:
    """Give the image seen `dx` to the right and `dy` below, `beyond` outside of it."""
    height, width = image.shape
    moved = np.full_like(image, beyond)
    if abs(dx) < width and abs(dy) < height:
        moved[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)] = image[
            max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)
        ]
    return moved
