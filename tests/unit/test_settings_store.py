"""Settings: the store's address in each spelling, and its databases."""

from pathlib import Path

import pytest

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.store_url import StoreUrl


def load(**environ: str) -> Settings:
    return Settings.load(environ, Path("/nowhere"))


@pytest.mark.parametrize(
    ("database", "queues", "results"), [("0", 0, 0), ("1", 1, 10), ("3", 3, 30), ("00", 0, 0), ("", 0, 0)]
)
def test_results_live_in_the_database_named_with_a_zero_appended(database, queues, results):
    settings = load(REDIS_DATABASE=database)
    assert settings.broker_url == f"redis://127.0.0.1:6379/{queues}"
    assert settings.result_backend == f"redis://127.0.0.1:6379/{results}"
    assert settings.store_url == settings.broker_url


def test_a_password_may_hold_any_sign():
    settings = load(REDIS_PASSWORD="p@s/w:rd%", REDIS_MASTER_SERVICE_HOST="store", REDIS_MASTER_SERVICE_PORT="7000")
    assert settings.broker_url == "redis://:p%40s%2Fw%3Ard%25@store:7000/0"


def test_an_ipv6_host_gets_its_brackets():
    assert load(REDIS_MASTER_SERVICE_HOST="::1").broker_url == "redis://[::1]:6379/0"


@pytest.mark.parametrize(
    ("url", "results", "redis_py"),
    [
        ("redis://u:p@h:1/2", "redis://u:p@h:1/20", "redis://u:p@h:1/2"),
        ("rediss://h/0?ssl_cert_reqs=none", "rediss://h/0?ssl_cert_reqs=none", "rediss://h/0?ssl_cert_reqs=none"),
        ("redis://h", "redis://h/0", "redis://h/0"),
        (
            "redis+socket:///a/s.sock?virtual_host=1",
            "redis+socket:///a/s.sock?virtual_host=10",
            "unix:///a/s.sock?db=1",
        ),
        ("redis+socket:///a%20b/s", "redis+socket:///a%20b/s?virtual_host=0", "unix:///a%20b/s?db=0"),
    ],
)
def test_an_address_as_a_whole_goes_before_its_parts(url, results, redis_py):
    settings = load(CELERY_BROKER_URL=url, REDIS_MASTER_SERVICE_HOST="other", REDIS_DATABASE="7")
    assert settings.broker_url == url
    assert settings.result_backend == results
    assert settings.store_url == redis_py


def test_celery_is_told_of_a_socket_in_its_own_spelling():
    settings = load(CELERY_BROKER_URL="unix:///a/s.sock?db=1")
    assert settings.broker_url == "redis+socket:///a/s.sock?virtual_host=1"
    assert settings.store_url == "unix:///a/s.sock?db=1"


def test_results_may_have_an_address_of_their_own():
    settings = load(CELERY_RESULT_BACKEND="db+sqlite:///results")
    assert settings.result_backend == "db+sqlite:///results"
    assert settings.broker_url == "redis://127.0.0.1:6379/0"


@pytest.mark.parametrize(
    ("environ", "configured"),
    [
        ({}, False),
        ({"REDIS_MASTER_SERVICE_HOST": ""}, False),
        ({"CELERY_RESULT_BACKEND": "redis://h/1"}, False),
        ({"REDIS_MASTER_SERVICE_HOST": "127.0.0.1"}, True),
        ({"REDIS_PASSWORD": "x"}, True),
        ({"CELERY_BROKER_URL": "redis://h"}, True),
    ],
)
def test_a_store_is_configured_as_soon_as_one_of_its_settings_is(environ, configured):
    assert load(**environ).store_is_configured is configured


@pytest.mark.parametrize(
    "url", ["http://h", "redis://", "redis://h/x", "redis+socket://", "unix:///", "redis://h:x/0", ""]
)
def test_what_is_no_address_of_a_store_is_refused(url):
    with pytest.raises(ValueError, match=r"\w"):
        StoreUrl.parse(url)


@pytest.mark.parametrize(
    "url", ["redis://u:p%40@h:1/2?a=b", "redis+socket:///a%20b/s.sock?virtual_host=3", "rediss://h/0"]
)
def test_an_address_survives_both_spellings(url):
    address = StoreUrl.parse(url)
    assert StoreUrl.parse(address.kombu) == StoreUrl.parse(address.redis_py) == address
    assert address.kombu == url
