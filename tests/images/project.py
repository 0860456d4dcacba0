"""Where the project is that the images are built of."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
