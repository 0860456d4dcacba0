"""A file that lies on the share beside the jobs' folders: models that many jobs read."""

from pathlib import Path

from pixyz_scheduler.errors import InputMissing, UnsafePath
from pixyz_scheduler.storage.disk import disk_in_words
from pixyz_scheduler.storage.job_folder import is_job_id


def share_file(root: Path, text: str) -> Path:
    """The file, without links in its path.

    Args:
        root: of the share, resolved.
        text: relative to it, or absolute.

    Raises:
        UnsafePath: outside the share, or in a folder that is a job's or our own.
        InputMissing: there is no such file.
        Unavailable: the share does not answer.
    """
    with disk_in_words(root):
        try:
            path = (root / text).resolve()
        except (RuntimeError, ValueError, OSError) as error:
            raise InputMissing(f"file:{text} is no file on the share.") from error
        if not path.is_relative_to(root):
            raise UnsafePath(f"file:{text} is not on the share; paths count from SHARE_PATH.")
        first = path.relative_to(root).parts[:1]
        if first and is_job_id(first[0].lower()):
            raise UnsafePath(f"file:{text} lies in the folder of a job: name that job by config.input_job.")
        if first and first[0].startswith("."):
            raise UnsafePath(f"file:{text} lies in a folder of the scheduler's own.")
        if not path.is_file():
            raise InputMissing(f"file:{text} is no file on the share.")
    return path
