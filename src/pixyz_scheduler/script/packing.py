"""The zip of what a script has written so far, made by the script itself."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixyz_scheduler.script.faults import PixyzSharedDirectoryNotFound
from pixyz_scheduler.storage.archive import pack
from pixyz_scheduler.storage.job_folder import is_job_id
from pixyz_scheduler.storage.share import Share


def packed(pc: Mapping[str, Any]) -> str:
    """Pack the outputs of the context's job as they are now; the path of the zip.

    On the farm it is the archive that `GET /jobs/{uuid}/outputs/archive` answers, unless more is written afterwards; in
    a local run it lies beside the folder of the outputs.

    Raises:
        PixyzSharedDirectoryNotFound: the context names no folder of outputs, or it is gone.
    """
    outputs = Path(pc.get("output_dir") or "")
    if not pc.get("output_dir") or not outputs.is_dir():
        raise PixyzSharedDirectoryNotFound(f"There are no outputs to pack: output_dir is {pc.get('output_dir')!r}.")
    if not pc.get("is_local") and outputs.name == "outputs" and is_job_id(outputs.parent.name):
        return str(pack(Share(outputs.parent.parent).folder(outputs.parent.name)))
    return shutil.make_archive(str(outputs), "zip", root_dir=outputs)
