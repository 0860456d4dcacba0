"""Writes anew what is made from the code: pages, schema, dashboard. With --check it only says what is out of step.

python -m scripts.made [--check]
"""

import sys
from pathlib import Path

from scripts import chart_docs, cli_docs, grafana_dashboard, metrics_docs, processes_docs, settings_docs

ROOT = Path(__file__).resolve().parents[1]
MAKERS = (settings_docs, metrics_docs, grafana_dashboard, cli_docs, processes_docs, chart_docs)


def main() -> int:
    """The exit status."""
    made = {path: text for maker in MAKERS for path, text in maker.made().items()}
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.resolve().relative_to(ROOT)} is not as the code says: run scripts/docs", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
