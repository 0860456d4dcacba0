"""A new pixyz-scheduler.conf, read by systemd's own parser."""

import pytest

from pixyz_scheduler.launcher.new_conf import compose
from pixyz_scheduler.settings import conf_file
from tests.fakes.systemd_reader import read_as_systemd, systemd_reader

GIVEN = {"API_PORT": "9000", "QUEUE_NAME": "cpu, wine", "SHARE_PATH": '/mnt/a b#c`d"e', "REDIS_PASSWORD": "a#b c"}


@pytest.fixture(scope="module")
def systemd(tmp_path_factory):
    command = systemd_reader(tmp_path_factory.mktemp("systemd") / "unpacked")
    if command is None:
        pytest.skip("systemd's parser is neither installed nor to be unpacked from its Debian packages")
    return command


def test_systemd_reads_a_new_file_as_we_do(systemd, tmp_path):
    text = compose(GIVEN, cwd=tmp_path, key="key").text
    (tmp_path / conf_file.NAME).write_text(text)
    ours = {line.name: line.value for line in conf_file.read(tmp_path / conf_file.NAME, environ={}).lines}
    assert read_as_systemd(systemd, text, tmp_path / "home") == ours
    assert ours.items() >= GIVEN.items()


def test_systemd_takes_a_comment_behind_a_value_for_a_part_of_it_as_the_page_says(systemd, tmp_path):
    assert read_as_systemd(systemd, "API_PORT=9000 # mine\n", tmp_path / "home") == {"API_PORT": "9000 # mine"}
