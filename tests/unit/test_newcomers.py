"""What a newcomer reads and starts with is true: the documented header, the named processes, the default queues."""

from pathlib import Path

import pytest

from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.settings.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - {ROOT / "docs" / "explanation" / "traps.md"})
CATALOG = ProcessCatalog(Settings().process_path)


def test_the_documentation_names_the_header_that_the_server_wants():
    pages = {page: page.read_text(encoding="utf-8") for page in PAGES}
    # Prometheus alone may send it so, and for its own page alone.
    lines = [line for text in pages.values() for line in text.splitlines() if "Bearer" in line]
    assert [line for line in lines if "metrics" not in line.lower()] == []
    assert any("x-api-key" in text for text in pages.values())


def test_the_processes_of_the_default_folder_are_those_that_the_documentation_uses():
    assert {"convert_file", "generate_metadata", "generate_thumbnails", "sleep", "api_test"} <= set(CATALOG.names())


@pytest.mark.parametrize("name", CATALOG.names())
def test_every_process_says_what_it_does_and_names_no_function_that_is_not_there(name):
    doc = CATALOG.doc(name)
    assert len(doc) > len(name)
    assert "None" not in doc.splitlines()[0]
    assert CATALOG.entrypoint(name, "main").name == "main"


@pytest.mark.parametrize("queue", ["cpu", "gpu", "gpuhigh", "control", "zip", "clean"])
def test_a_worker_with_default_settings_serves_each_queue_and_that_of_its_retries(queue):
    served = set(Settings().queue_name)
    assert {queue, queue_named(queue).fallback or queue} <= served
