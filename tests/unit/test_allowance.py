"""What a worker allows its children, on its way through their environment."""

import json
from dataclasses import fields

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker.children import allowance_of, without_secrets
from pixyz_scheduler.worker.provision.allowance import VARIABLE, Allowance


def test_children_are_told_all_that_the_settings_allow(tmp_path):
    settings = Settings(
        script_dependencies="allow",
        script_environments=tmp_path / "environments",
        script_environments_limit=7,
        script_environments_age=8.0,
        allow_input_urls="https, file",
        share_path=tmp_path,
        max_upload_size=9,
        min_free_space=10,
    )
    told = without_secrets(allowance_of(settings).to_environment())
    assert Allowance.of_environment(told) == Allowance(
        dependencies=True,
        environments=tmp_path / "environments",
        environments_limit=7,
        environments_age=8.0,
        urls=("https", "file"),
        share=tmp_path,
        max_input=9,
        min_free=10,
    )
    assert json.loads(told[VARIABLE]).keys() == {field.name for field in fields(Allowance)}


def test_nothing_is_allowed_where_nothing_is_said():
    assert Allowance.of_environment({}) == Allowance()
    assert not allowance_of(Settings()).dependencies
    assert allowance_of(Settings()).urls == ()


def test_off_is_a_word_for_nothing():
    assert Settings(allow_input_urls="off").allow_input_urls == ()
