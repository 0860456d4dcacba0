"""Settings: what the environment and the file say, who wins, and what a wrong value is told."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.settings import Settings

# Names and defaults as users know them.
KNOWN = {
    "REDIS_MASTER_SERVICE_HOST": "127.0.0.1",
    "REDIS_MASTER_SERVICE_PORT": 6379,
    "REDIS_DATABASE": "0",
    "LICENSE_FLEXLM": True,
    "LICENSE_HOST": "license.example.com",
    "LICENSE_PORT": 27000,
    "LICENSE_ACQUIRE_AT_START": True,
    "API_PORT": 8001,
    "SHARE_PATH": Path("/tmp/share"),
    "DOCKER_REDIS_IMAGE": "redis:latest",
    "DOCKER_API_IMAGE": "pixyzinc/pixyz-scheduler-api:latest",
    "DOCKER_WORKER_IMAGE": "pixyzinc/pixyz-scheduler-worker:latest",
    "UID": 1001,
    "GID": 1001,
    "PIXYZ_PYTHON_PATH": Path("/opt/pixyz"),
    "PIXYZ_IMAGE_BASE": "pixyzinc/sdk:2025.2.0.1",
    "PIXYZ_IMAGE_VERSION": "latest",
    "LOG_LEVEL": "INFO",
    "DEBUG": False,
    "MAX_MEMORY_USAGE": 0,
    "MAX_MEMORY_USAGE_GPUHIGH": 0,
    "POOL_TYPE": "solo",
    "CONCURRENT_TASKS": 5,
    "QUEUE_NAME": ("cpu", "gpu", "zip", "clean", "control", "gpuhigh"),
    "MAX_TASKS_BEFORE_SHUTDOWN": 0,
    "IDLE_TIMEOUT": 0.0,
    "PIXYZ_TIME_LIMIT": 2400,
    "PIXYZ_RETRY_TIME_LIMIT": 3600,
    "CLEANUP_ENABLED": False,
    "CLEANUP_DELAY": 3600,
    "DISABLE_PIXYZ": False,
    "CELERY_ALWAYS_EAGER": False,
    "API_HOST": "0.0.0.0",
    "CORS_ORIGINS": (),
    "MAX_UPLOAD_SIZE": 0,
    "DRAIN_TIMEOUT": 30,
    "ENGINE": "auto",
    "ISOLATION": "fork",
    "LOG_FORMAT": "text",
}
SECRETS = ["REDIS_PASSWORD", "GOD_PASSWORD_SHA256", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"]
DIGEST = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory whose file hides any /etc/pixyz-scheduler.conf of this machine."""
    (tmp_path / conf_file.NAME).touch()
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / conf_file.NAME).write_bytes(text.encode())


@pytest.mark.parametrize(("name", "default"), KNOWN.items())
def test_every_known_name_has_its_known_default(folder, name, default):
    assert getattr(Settings.load({}, folder), name.lower()) == default


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_is_empty_by_default(folder, name):
    assert not getattr(Settings.load({}, folder), name.lower()).get_secret_value()


@pytest.mark.parametrize("name", [*KNOWN, *SECRETS, "DATA_PATH", "PROCESS_PATH"])
def test_an_empty_value_means_the_default(folder, name):
    write(folder, f'{name}=""\n')
    assert Settings.load({name: ""}, folder) == Settings.load({}, folder.parent / "nowhere")


def test_settings_that_are_made_read_nothing(monkeypatch):
    monkeypatch.setenv("API_PORT", "9")
    assert Settings().api_port == 8001


def test_the_environment_wins_over_the_file(folder):
    write(folder, "API_PORT=1\nLOG_LEVEL=DEBUG\n")
    settings = Settings.load({"API_PORT": "2"}, folder)
    assert (settings.api_port, settings.log_level) == (2, "DEBUG")


def test_an_empty_value_in_the_environment_leaves_the_files(folder):
    write(folder, "API_PORT=1\n")
    assert Settings.load({"API_PORT": ""}, folder).api_port == 1


def test_a_file_in_the_working_directory_wins_over_etc(tmp_path):
    assert conf_file.places(environ={}, cwd=tmp_path, windows=False) == [
        tmp_path / "pixyz-scheduler.conf",
        Path("/etc/pixyz-scheduler.conf"),
    ]


def test_on_windows_the_users_file_comes_before_the_machines(tmp_path):
    environ = {"APPDATA": "/a", "ProgramData": "/p"}
    assert conf_file.places(environ=environ, cwd=tmp_path, windows=True) == [
        tmp_path / "pixyz-scheduler.conf",
        Path("/a/PixyzSDK/pixyz-scheduler.conf"),
        Path("/p/PixyzSDK/pixyz-scheduler.conf"),
    ]


@pytest.mark.parametrize(
    ("environ", "text", "level"),
    [
        ({"LOGLEVEL": "debug"}, "", "DEBUG"),
        ({}, "LOGLEVEL=ERROR", "ERROR"),
        ({"LOGLEVEL": "DEBUG", "LOG_LEVEL": "ERROR"}, "", "ERROR"),
        ({"LOGLEVEL": "DEBUG", "LOG_LEVEL": ""}, "", "DEBUG"),
        ({"LOGLEVEL": "DEBUG"}, "LOG_LEVEL=ERROR", "DEBUG"),
        ({"LOG_LEVEL": "warn"}, "", "WARNING"),
    ],
)
def test_loglevel_is_the_old_name_of_log_level(folder, environ, text, level):
    write(folder, text)
    settings = Settings.load(environ, folder)
    assert settings.log_level == level
    assert settings.warnings == ()


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "yes", "on", " on ", '"true"', "'yes'"])
def test_a_switch_is_on_however_users_write_it(folder, text):
    assert Settings.load({"DEBUG": text}, folder).debug is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "off", '"false"'])
def test_a_switch_is_off_however_users_write_it(folder, text):
    assert Settings.load({"LICENSE_FLEXLM": text}, folder).license_flexlm is False


def test_the_file_is_read_as_users_write_it(folder):
    write(
        folder,
        "\ufeff# a comment\r\n\r\nexport API_PORT = 9000  # behind it\r\nQUEUE_NAME='cpu, wine,gpu-a100 ,cpu'\r\n"
        'DEBUG="TRUE"\r\nredis_password="p#ss \'word\'"\r\nSHARE_PATH=${HOME}/share\r\n',
    )
    settings = Settings.load({"HOME": "/home/me"}, folder)
    assert settings.api_port == 9000
    assert settings.queue_name == ("cpu", "wine", "gpu-a100")
    assert settings.debug
    assert settings.redis_password.get_secret_value() == "p#ss 'word'"
    assert settings.share_path == Path("/home/me/share")
    assert settings.warnings == ()


@pytest.mark.parametrize("name", ["SHARE_PATH", "PROCESS_PATH", "DATA_PATH", "PIXYZ_PYTHON_PATH"])
def test_a_relative_folder_counts_from_the_working_directory(folder, name):
    assert getattr(Settings.load({name: "a/b"}, folder), name.lower()) == folder / "a/b"


@pytest.mark.parametrize("name", ["SHARE_PATH", "DATA_PATH"])
def test_a_tilde_is_the_home_folder(folder, name):
    assert getattr(Settings.load({name: "~/b"}, folder), name.lower()) == Path.home() / "b"


def test_an_unknown_name_in_the_file_is_a_warning_that_guesses(folder):
    write(folder, "# mine\n\nCONCURENT_TASKS=3\nSOMETHING_ELSE=1\n")
    path = folder / conf_file.NAME
    assert Settings.load({"CONCURENT_TASKS": "1"}, folder).warnings == (
        f"CONCURENT_TASKS in {path}, line 3 is not a setting and is left aside. Did you mean CONCURRENT_TASKS?",
        f"SOMETHING_ELSE in {path}, line 4 is not a setting and is left aside.",
        "CONCURENT_TASKS in the environment is not a setting and is left aside. Did you mean CONCURRENT_TASKS?",
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [("API_PROT", "API_PORT"), ("SHAREPATH", None), ("QUEUE_NAMES", "QUEUE_NAME"), ("LICENCE_HOST", "LICENSE_HOST")],
)
def test_a_slip_in_the_environment_is_a_warning_that_guesses(folder, name, meant):
    told = f"{name} in the environment is not a setting and is left aside. Did you mean {meant}?"
    assert Settings.load({name: "1"}, folder).warnings == ((told,) if meant else ())


@pytest.mark.parametrize(
    "name",
    [
        *(
            "PATH",
            "PWD",
            "UIDS",
            "HOSTNAME",
            "DEBUGGER",
            "LOG",
            "PIXYZ_URL",
            "PIXYZ_TOKEN",
            "PIXYZ_LIFELINE",
            "REDIS_PORT",
        ),
        *("REDIS_MASTER_SERVICE_PORT_TCP_REDIS", "REDIS_MASTER_SERVICE_PORT_TLS", "REDIS_MASTER_PORT_6379_TCP_ADDR"),
    ],
)
def test_names_of_others_in_the_environment_are_let_be(folder, name):
    assert Settings.load({name: "1"}, folder).warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("API_PORT", "0", "a port, 1 to 65535"),
        ("API_PORT", "tcp://10.0.0.1:80", "a port, 1 to 65535"),
        ("REDIS_MASTER_SERVICE_PORT", "65536", "a port, 1 to 65535"),
        ("REDIS_MASTER_SERVICE_HOST", "redis://h", "a host name or an IP address"),
        ("REDIS_DATABASE", "-1", "the number of a database, such as 0"),
        ("REDIS_DATABASE", "prod", "the number of a database, such as 0"),
        ("DEBUG", "perhaps", "true or false (1, 0, yes, no, on, off do as well)"),
        ("CONCURRENT_TASKS", "0", "a whole number, 1 or more"),
        ("CONCURRENT_TASKS", "many", "a whole number, 1 or more"),
        ("MAX_MEMORY_USAGE", "2g", "KiB as a whole number (2 GiB = 2097152), 0 for no limit"),
        ("LEASE_TIME_SCALE", "0", "a number, 0.05 to 100"),
        ("LEASE_TIME_SCALE", "1e9", "a number, 0.05 to 100"),
        ("LEASE_TIME_SCALE", "nan", "a number, 0.05 to 100"),
        ("MAX_UPLOAD_SIZE", "-1", "bytes as a whole number (2 GiB = 2147483648), 0 for no limit"),
        ("MAX_TASKS_BEFORE_SHUTDOWN", "1.5", "a whole number, 0 or more"),
        ("PIXYZ_TIME_LIMIT", "0", "seconds, more than 0"),
        ("PIXYZ_TIME_LIMIT", "inf", "seconds, more than 0"),
        ("PIXYZ_RETRY_TIME_LIMIT", "nan", "seconds, more than 0"),
        ("CLEANUP_DELAY", "-3", "seconds, 0 or more"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("POOL_TYPE", "prefork", "solo or pool"),
        ("ISOLATION", "thread", "fork or spawn"),
        ("ENGINE", "blender", "auto, pixyz, open or none"),
        ("QUEUE_NAME", "cpu,a/b", "names of queues (letters, digits, `_`, `-`, `.`) with commas between"),
        ("QUEUE_NAME", ",", "names of queues (letters, digits, `_`, `-`, `.`) with commas between"),
        ("SHARE_PATH", "~nobody-of-this-name/x", "a folder"),
        ("CORS_ORIGINS", "example.com", "origins such as https://example.com with commas between, or *"),
        ("CORS_ORIGINS", "https://example.com/", "origins such as https://example.com with commas between, or *"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_source_and_what_is_allowed(folder, name, value, allowed):
    with pytest.raises(SettingsError, match=re.escape(f'{name} in the environment is "{value}"; allowed: {allowed}.')):
        Settings.load({name: value}, folder)
    write(folder, f"\n# a comment\n{name}={value}\n")
    where = f"{folder / conf_file.NAME}, line 3"
    with pytest.raises(SettingsError, match=re.escape(f'{name} in {where} is "{value}"; allowed: {allowed}.')):
        Settings.load({}, folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GOD_PASSWORD_SHA256", "hunter2-in-clear"),
        ("CELERY_BROKER_URL", "amqp://u:hunter2@h"),
        ("CELERY_BROKER_URL", "redis://:hunter2@h/prod"),
        ("CELERY_BROKER_URL", "redis://:hunter2@h:port/0"),
        ("CELERY_RESULT_BACKEND", "hunter2"),
    ],
)
def test_a_wrong_secret_is_told_but_not_shown(folder, name, value):
    with pytest.raises(SettingsError, match=f"{name} in the environment has a value that is not allowed") as caught:
        Settings.load({name: value}, folder)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_all_that_is_wrong_is_told_at_once(folder):
    write(folder, "API_PORT=no\n")
    with pytest.raises(SettingsError) as caught:
        Settings.load({"DEBUG": "maybe"}, folder)
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["API_PORT", "DEBUG"]


def test_the_wrong_name_is_the_one_that_the_user_wrote(folder):
    with pytest.raises(SettingsError, match=r"^LOGLEVEL in the environment"):
        Settings.load({"LOGLEVEL": "LOUD"}, folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"API_PORT=1\nnonsense\n", "line 2 is not NAME=value"),
        (b"\n\nAPI_PORT\n", "line 3 is not NAME=value"),
        (b'DEBUG="true\nAPI_PORT=1\n', "line 1 is not NAME=value"),
        (b"API_PORT=1\nSHARE_PATH=\xff\xfe\n", "line 2 is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(folder, content, told):
    (folder / conf_file.NAME).write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(f"{folder / conf_file.NAME}, {told}")):
        Settings.load({}, folder)


def test_the_place_of_each_setting_is_known(folder):
    write(folder, "API_PORT=1\n")
    settings = Settings.load({"DEBUG": "1"}, folder)
    assert settings.origin("API_PORT") == f"{folder / conf_file.NAME}, line 1"
    assert settings.origin("DEBUG") == "the environment"
    assert settings.origin("SHARE_PATH") is None


def test_secrets_show_nowhere(folder):
    environ = {
        "REDIS_PASSWORD": "hunter2",
        "GOD_PASSWORD_SHA256": DIGEST.upper(),
        "CELERY_BROKER_URL": "redis://:hunter3@h/0",
        "CELERY_RESULT_BACKEND": "redis://:hunter4@h/0",
    }
    settings = Settings.load(environ, folder)
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    assert not re.search(f"hunter|{DIGEST}", shown)
    assert settings.god_password_sha256.get_secret_value() == DIGEST
    assert set(settings.secrets) == {"hunter2", DIGEST, "redis://:hunter3@h/0", "redis://:hunter4@h/0"}


def test_quotes_belong_to_a_password(folder):
    assert Settings.load({"REDIS_PASSWORD": '"a"'}, folder).redis_password.get_secret_value() == '"a"'


def test_a_value_of_many_lines_is_told_in_one(folder):
    write(folder, "LOG_LEVEL='a\nb'\n")
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, folder)
    assert r'is "a\nb"; allowed' in str(caught.value)


def test_a_wrong_secret_that_is_given_directly_is_not_shown_either():
    with pytest.raises(ValueError, match="god_password_sha256") as caught:
        Settings(god_password_sha256="hunter2")
    assert "hunter2" not in str(caught.value)


@settings(deadline=None)
@given(
    st.one_of(st.binary(), st.text(alphabet="AD_=#'\"\\ ~${}\n\r\t\0x1:/,é", max_size=60)),
    st.sampled_from([*KNOWN, *SECRETS]),
)
def test_whatever_stands_in_the_file_ends_in_settings_or_in_a_settings_error(tmp_path_factory, content, name):
    folder = tmp_path_factory.getbasetemp()
    content = content if isinstance(content, bytes) else content.encode()
    (folder / conf_file.NAME).write_bytes(name.encode() + b"=" + content)
    with suppress(SettingsError):
        Settings.load({}, folder)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.sampled_from([*KNOWN, *SECRETS]))
def test_whatever_stands_in_the_environment_ends_in_settings_or_in_a_settings_error(value, name):
    with suppress(SettingsError):
        settings = Settings.load({name: value}, Path("/nowhere"))
        assert settings.broker_url
        assert settings.store_url


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings().api_port = 1


def test_processes_are_found_in_a_checkout_or_in_the_package():
    assert Settings().process_path.name in ("process", "processes")


def test_opentelemetrys_own_names_may_stand_in_the_file_and_the_environment_wins(folder):
    (folder / "pixyz-scheduler.conf").write_text(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://file:4318\nOTEL_SERVICE_NAME=cad\nOTEL_TRACES_SAMPLER=\n"
    )
    settings = Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318"}, folder)
    assert settings.warnings == ()
    assert settings.otel == {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318", "OTEL_SERVICE_NAME": "cad"}


def test_the_headers_by_which_a_collector_knows_us_are_secrets(folder):
    settings = Settings.load({"OTEL_EXPORTER_OTLP_HEADERS": "api-key=h%20ush, team=blue-one"}, folder)
    assert {"h%20ush", "h ush", "blue-one"} < set(settings.secrets)


@pytest.mark.parametrize("value", ["collector:4318", "ftp://h", "http://", "http://me:hush@h:4318"])
def test_where_traces_go_must_be_an_address_of_http_without_a_key(folder, value):
    with pytest.raises(SettingsError) as raised:
        Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": value}, folder)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT in the environment has a value that is not allowed" in str(raised.value)
    assert "hush" not in str(raised.value)
