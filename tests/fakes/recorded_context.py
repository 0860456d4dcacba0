"""A stand-in for ProgramContext: folders, an input, and the progress it was told."""

from pathlib import Path


class RecordedContext(dict):
    def __init__(self, output_dir: Path, input_file: Path | None = None) -> None:
        super().__init__()
        self.output_dir = output_dir
        self.input_file = input_file
        self.total: int | None = None
        self.steps: list[str] = []

    def get_input_file(self) -> str | None:
        return None if self.input_file is None else str(self.input_file)

    def get_output_dir(self) -> str:
        return str(self.output_dir)

    def progress_set_total(self, total: int) -> None:
        self.total = total

    def progress_next(self, info: str) -> None:
        self.steps.append(info)
