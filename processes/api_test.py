#!/usr/bin/env python3
"""Process `api_test`: shows that a job gets through, with its params and folders."""

import json
from pathlib import Path
from typing import Any

from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule

REPORT = "api_test.json"


@pixyz_schedule(queue="cpu", timeout=60)
def main(pc: ProgramContext, params: Any) -> dict[str, Any]:
    """Send the params back, and check that the job's folders can be used. Needs no 3D engine.

    Params:
        Anything; it comes back as it was sent.

    Example:
        {"any": ["thing", 1, null]}

    Result:
        {"params": the params, "input": name and size of the input file or null, "output": "api_test.json"}

    Outputs:
        api_test.json: the result.
    """
    pc.progress_set_total(2)
    pc.progress_next("Reading the input")
    source = pc.get_input_file()
    found = None
    if source is not None:
        with Path(source).open("rb") as file:
            found = {
                "name": Path(source).name,
                "size": sum(len(piece) for piece in iter(lambda: file.read(1 << 20), b"")),
            }
    pc.progress_next(f"Writing {REPORT}")
    result = {"params": params, "input": found, "output": REPORT}
    Path(pc.get_output_dir(), REPORT).write_text(json.dumps(result, indent=2, ensure_ascii=False), encoding="utf-8")
    return result


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
