"""beside_up: who works beside `pixyz-scheduler up` asks whether it runs, and goes on where it does not."""

from pixyz_scheduler.launcher.beside_up import beside_up
from pixyz_scheduler.settings.settings import Settings


def test_a_folder_deeper_than_a_sockets_path_may_be_holds_no_store_to_be_asked(tmp_path):
    deep = tmp_path / ("deep" * 30)
    asked = Settings.load({"DATA_PATH": str(deep)}, tmp_path)
    assert beside_up(asked) is asked
