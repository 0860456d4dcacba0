#!/usr/bin/env python3
"""Makes docs/images from a real run of scripts/demo: the terminal as an SVG, the pictures of the gear box as a PNG."""

import io
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

from PIL import Image
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PICTURES = ROOT / "demo-output" / "gearbox.step"
VIEWS = ("iso", "x", "y", "z")
CELL = (300, 220)
MARGIN = 12
COLUMNS = 82


def main() -> int:
    """Run the demo and write both."""
    # Not a terminal for the bars, which are printed once then, as they end.
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=False, color_system="truecolor")
    console.print("$ make demo", style="bold", highlight=False)
    status = SourceFileLoader("demo", str(ROOT / "scripts" / "demo")).load_module().main(console)
    if status:
        return int(status)
    IMAGES.mkdir(exist_ok=True)
    # A page of ours fetches no fonts from elsewhere.
    template = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="make demo", code_format=template)
    (IMAGES / "demo.svg").write_text(svg, encoding="utf-8")
    composite().save(IMAGES / "gearbox.png", optimize=True)
    return 0


def composite() -> Image.Image:
    """The four views in a row, on white, so that they show on dark pages too."""
    width, height = CELL
    whole = Image.new("RGB", (len(VIEWS) * width + 2 * MARGIN, height + 2 * MARGIN), "white")
    for index, view in enumerate(VIEWS):
        with Image.open(PICTURES / f"{view}.png") as picture:
            shown = picture.convert("RGBA").crop(picture.getbbox())
        shown.thumbnail((width - 2 * MARGIN, height - 2 * MARGIN), Image.Resampling.LANCZOS)
        left = MARGIN + index * width + (width - shown.width) // 2
        whole.paste(shown, (left, MARGIN + (height - shown.height) // 2), shown)
    return whole


if __name__ == "__main__":
    sys.exit(main())
