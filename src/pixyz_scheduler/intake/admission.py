"""Admission: what the API lets jobs ask for beyond their own files. Workers look again, by settings of their own."""

from dataclasses import dataclass, field
from pathlib import Path

from pixyz_scheduler.catalog.inline_metadata import Needs
from pixyz_scheduler.errors import InvalidConfig
from pixyz_scheduler.jobs.input_url import AllowedUrls
from pixyz_scheduler.storage.share_file import share_file


@dataclass(frozen=True)
class Admission:
    """What jobs may ask for.

    Attributes:
        urls: from where an input may be fetched.
        share: the shared folder, resolved.
        dependencies: whether packages that a script names are prepared, as far as is known here.
    """

    urls: AllowedUrls = field(default_factory=AllowedUrls)
    share: Path = Path()
    dependencies: bool = False

    def check_url(self, url: str, *, has_other: bool) -> None:
        """Whether a job may have its input from there.

        Raises:
            InvalidConfig: it may not, or it has another input.
            UnsafePath, InputMissing: no such file on the share.
            Unavailable: the share does not answer.
        """
        if has_other:
            raise InvalidConfig("A job has one input: a file, config.input_url or config.input_job.")
        found = self.urls.check(url)
        if found.scheme == "file":
            share_file(self.share, found.target)

    def warnings(self, needs: Needs) -> tuple[str, ...]:
        """What may not come true of what a script needs. It may: a worker may have the packages, or other settings."""
        if self.dependencies or not needs.dependencies:
            return ()
        named = ", ".join(needs.dependencies)
        off = "SCRIPT_DEPENDENCIES is off here: it fails on a worker that does not have them."
        return (f"The script needs {named}. {off}",)


NOTHING_MORE = Admission()
