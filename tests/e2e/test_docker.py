"""The images and compose.yaml, built and run for real, where an engine can be had; scripts/test-docker is the same."""

import os

import pytest

from tests.images.course import run
from tests.images.programs import Unavailable


@pytest.mark.timeout(900)
def test_the_images_do_what_the_guide_says():
    if os.geteuid() != 0:
        pytest.skip("a Docker engine of one's own needs root")
    try:
        run(print)
    except Unavailable as error:
        pytest.skip(f"no Docker engine is to be had here: {error}")
