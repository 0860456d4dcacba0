"""Settings: the one reader of the environment and of pixyz-scheduler.conf."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import sources
from pixyz_scheduler.settings.store_url import StoreUrl, results_database
from pixyz_scheduler.settings.types import (
    AcceleratorPrefix,
    Bytes,
    Collector,
    Count,
    Database,
    Dependencies,
    Digest,
    DownloadAccelerator,
    EngineName,
    Factor,
    Folder,
    Host,
    InputUrls,
    Isolation,
    Kibibytes,
    LogFormat,
    LogLevel,
    Origins,
    PoolType,
    Port,
    PortOrNone,
    Positive,
    QueueNames,
    ResultAddress,
    Seconds,
    SecondsOrZero,
    Secret,
    StoreAddress,
    Switch,
    Text,
    data_folder,
    default_process_path,
    environments_folder,
    share_folder,
)

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_QUEUES = ("cpu", "gpu", "zip", "clean", "control", "gpuhigh")


def _in(section: str, default: Any, text: str) -> Any:
    """One setting: its section, default and sentence, from which docs/reference/settings.md is made."""
    extra: dict[str, Any] = {"section": section}
    if callable(default):
        return Field(default_factory=default, description=text, json_schema_extra=extra)
    return Field(default=default, description=text, json_schema_extra=extra)


class Settings(BaseSettings):
    """Every setting, typed; a field's name in capitals is the setting's name.

    `Settings(...)` takes what it is given and reads nothing; `Settings.load()` reads the environment and the file.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # A table: one line for each setting, however long its sentence.
    # fmt: off
    redis_master_service_host: Host = _in("Redis", "127.0.0.1", "Host of the Redis or Valkey server.")
    redis_master_service_port: Port = _in("Redis", 6379, "Port of the Redis or Valkey server.")
    redis_password: Secret = _in("Redis", SecretStr(""), "Password of the server; empty where it asks for none.")
    redis_database: Database = _in("Redis", "0", "Database of the queues. Results live in the database of that name with a 0 appended: 1 and 10; for 0 both are 0.")
    celery_broker_url: StoreAddress = _in("Redis", SecretStr(""), "Address of the store as a whole, instead of the `REDIS_*` settings.")
    celery_result_backend: ResultAddress = _in("Redis", SecretStr(""), "Address of Celery's results as a whole. Default: the same store, the results' database.")
    data_path: Folder = _in("Redis", data_folder, "Where the embedded store keeps its data (it runs where neither `REDIS_*` nor `CELERY_BROKER_URL` is set).")

    license_flexlm: Switch = _in("Licence", True, "Ask a FlexLM server for the Pixyz licence.")
    license_host: Host = _in("Licence", "license.example.com", "Host of the licence server.")
    license_port: Port = _in("Licence", 27000, "Port of the licence server.")
    license_tokens: Count = _in("Licence", 0, "Licence tokens of the whole farm: no more jobs run at a time on workers with an engine; the rest waits. 0 for no limit.")
    license_acquire_at_start: Switch = _in("Licence", True, "Take the licence when the worker starts and hold it (without one the worker ends, exit status 100); else for each job. With `ISOLATION=spawn` it is tried at the start, then taken for each job.")
    license_timeout: Seconds = _in("Licence", 60.0, "Seconds that taking the licence may last at the worker's start.")

    god_password_sha256: Digest = _in("API", SecretStr(""), "SHA-256 of the API key that clients send as `x-api-key`. Must be set for the API to start on its own.")
    metrics_password_sha256: Digest = _in("API", SecretStr(""), "SHA-256 of a second key that opens `GET /metrics` and nothing else, for Prometheus. Empty: only the API key does.")
    api_host: Host = _in("API", "0.0.0.0", "Address the API listens on; 0.0.0.0 is all of them.")
    api_port: Port = _in("API", 8001, "Port the API listens on.")
    cors_origins: Origins = _in("API", (), "Web pages of these origins may call the API from a browser. Empty: none.")
    download_accelerator: DownloadAccelerator = _in("API", "off", "Who sends files that are downloaded: `off` (the API), or the proxy in front, told by the header `x-accel-redirect` (nginx) or `x-sendfile` (Apache, lighttpd).")
    download_accelerator_prefix: AcceleratorPrefix = _in("API", "/pixyz-share", "Internal location of the share in nginx, for `DOWNLOAD_ACCELERATOR=x-accel-redirect`.")
    max_upload_size: Bytes = _in("API", 0, "Largest request body in bytes; 0 for no limit.")

    allow_input_urls: InputUrls = _in("Files", (), "From where a job may have its input fetched (`config.input_url`): `https`, `http` (any public host), `file` (on the share), `https://host/path/`, `https://*.example.com`. Default: nowhere. The same on the API and the workers.")
    share_path: Folder = _in("Files", share_folder, "Folder that the API and all workers share: inputs, outputs, archives. On Windows the default is `%ProgramData%\\PixyzSDK\\share`.")
    min_free_space: Bytes = _in("Files", 256 << 20, "Bytes that must be free on the share (API: else 507) and on a worker's local disk (else it begins no job); 0 asks for nothing.")
    process_path: Folder = _in("Files", default_process_path, "Folder of the named processes. Default: the one in the package.")
    cleanup_enabled: Switch = _in("Files", False, "Remove the folders of jobs that ended longer than `CLEANUP_DELAY` ago.")
    cleanup_delay: SecondsOrZero = _in("Files", 3600.0, "Seconds that a job's folder is kept after its end.")

    log_level: LogLevel = _in("Logging", "INFO", "How much is logged. `LOGLEVEL`, the old name, still works.")
    log_format: LogFormat = _in("Logging", "text", "`text` for people, `json` for machines: one object a line.")
    otel_exporter_otlp_endpoint: Collector = _in("Logging", SecretStr(""), "Where traces are sent, by OTLP over HTTP: the address of an OpenTelemetry collector. Empty: nowhere. All of OpenTelemetry's `OTEL_*` names may stand in the file or the environment; see docs/how-to/trace-jobs.md.")
    debug: Switch = _in("Logging", False, "For development: `POST /dev/callback` is there, and workers run scripts in their own process, one at a time, so that debuggers and `breakpoint()` work; see docs/how-to/debug-a-script.md.")

    queue_name: QueueNames = _in("Worker", _QUEUES, "Queues that a worker listens to.")
    pool_type: PoolType = _in("Worker", "solo", "`solo`: one job at a time; `pool`: `CONCURRENT_TASKS` at a time.")
    concurrent_tasks: Positive = _in("Worker", 5, "Jobs at a time with `POOL_TYPE=pool`.")
    max_tasks_before_shutdown: Count = _in("Worker", 0, "A worker restarts after so many jobs; 0 for never.")
    max_memory_usage: Kibibytes = _in("Worker", 0, "Most memory of a job in KiB (2 GiB = 2097152); 0 for no limit.")
    max_memory_usage_gpuhigh: Kibibytes = _in("Worker", 0, "The same for jobs of the queue gpuhigh.")
    log_limit: Bytes = _in("Worker", 64 << 20, "Bytes of an attempt's log that are kept: of a longer one the first half, and at the attempt's end the last; 0 for no limit.")
    pixyz_time_limit: Seconds = _in("Worker", 2400.0, "Seconds that a job may run where it names no limit of its own. Not set at all, jobs of the API have 3600; what else runs has the default.")
    pixyz_retry_time_limit: Seconds = _in("Worker", 3600.0, "Seconds that the second try may run; a job's own limit counts instead where it is larger.")
    idle_timeout: SecondsOrZero = _in("Worker", 0.0, "Seconds without a job after which a worker ends, as at `admin drain`: its watchdog does not start it again. 0 for never. For workers that an autoscaler starts; those of `up` stay.")
    drain_timeout: SecondsOrZero = _in("Worker", 30.0, "Seconds that a stopping worker gives its running jobs before it hands them back. As long as the longest job where none is to begin anew (Kubernetes).")
    metrics_port: PortOrNone = _in("Worker", 0, "Port on which a worker tells its health (`/health/live`, `/health/ready`) and its figures for Prometheus (`/metrics`), without a key; 0 opens none. Each worker on a machine needs its own; `up` gives its second worker the next one. See docs/how-to/monitor.md.")
    metrics_host: Host = _in("Worker", "0.0.0.0", "Address of `METRICS_PORT`; 127.0.0.1 where only this machine is to ask.")
    lease_time_scale: Factor = _in("Worker", 1.0, "Factor on all times of the lease protocol (see docs/explanation/reliability.md): above 1 for slow networks, below for tests. The same on every process of a farm.")
    isolation: Isolation = _in("Worker", "fork" if hasattr(os, "pidfd_open") else "spawn", "How a job gets its process: `fork` is quick; `spawn` works everywhere and is the default outside Linux.")
    preparation_time_limit: Seconds = _in("Worker", 1800.0, "Seconds for what a job needs before its script begins (packages, an input by URL); they do not count against the job's own limit.")
    script_dependencies: Dependencies = _in("Worker", "off", "Whether packages that scripts name (PEP 723) are prepared by uv: `allow` or `off`. See docs/how-to/script-packages.md.")
    script_environments: Folder = _in("Worker", environments_folder, "Where prepared packages are kept, on the worker's own disk.")
    script_environments_limit: Bytes = _in("Worker", 10 << 30, "Bytes of all prepared packages together: the longest unused go first; 0 for no limit.")
    script_environments_age: Seconds = _in("Worker", 30 * 86400.0, "Seconds after which packages that nobody has used are removed.")
    celery_always_eager: Switch = _in("Worker", False, "Workers run scripts in their own process, as with `DEBUG`; Celery itself is not made eager.")

    engine: EngineName = _in("Engine", "auto", "`pixyz` (the SDK), `open` (free libraries), `none`, or `auto`: the SDK where it is, else open.")
    pixyz_python_path: Folder = _in("Engine", Path("/opt/pixyz"), "Where the Pixyz SDK's Python modules are.")
    engine_idle_time: SecondsOrZero = _in("Engine", 900.0, "Seconds without a job for the open engine after which a worker unloads it, to give back some 400 MiB; the next such job loads it again, in a second or two. 0 keeps it loaded.")
    disable_pixyz: Switch = _in("Engine", False, "No engine and no licence in this worker (for control, zip, clean).")

    docker_redis_image: Text = _in("Docker", "redis:latest", "Image of the store, for compose.yaml.")
    docker_api_image: Text = _in("Docker", "pixyzinc/pixyz-scheduler-api:latest", "Image of the API, for compose.yaml.")
    docker_worker_image: Text = _in("Docker", "pixyzinc/pixyz-scheduler-worker:latest", "Image of the worker, for compose.yaml.")
    docker_python_image: Text = _in("Docker", "python:3.12-slim-bookworm", "Image that those of API, control and the worker with the open engine are built on: a Debian with Python.")
    docker_prometheus_image: Text = _in("Docker", "prom/prometheus:latest", "Image of Prometheus, for compose.yaml.")
    docker_worker_target: Text = _in("Docker", "worker", "What the worker's image is built as: `worker`, with the open engine, or `worker-pixyz`, with the Pixyz SDK.")
    docker_worker_memory: Text = _in("Docker", "0", "Most memory of a worker's container, as `8g`; 0 for no limit. `MAX_MEMORY_USAGE` bounds the job in it.")
    docker_gpuhigh_memory: Text = _in("Docker", "0", "The same for workers of the queue gpuhigh.")
    docker_metrics_key_file: Text = _in("Docker", "/dev/null", "File with the key whose SHA-256 is `METRICS_PASSWORD_SHA256`, for Prometheus in compose.yaml.")
    flower_basic_auth: Secret = _in("Docker", SecretStr(""), "`user:password` that Flower in compose.yaml asks for.")
    pixyz_image_base: Text = _in("Docker", "pixyzinc/sdk:2025.2.0.1", "Image with the Pixyz SDK that the target worker-pixyz is built on.")
    pixyz_image_version: Text = _in("Docker", "latest", "Its tag, for builds. In compose.yaml nothing unless set: `PIXYZ_IMAGE_BASE` has a tag of its own by default.")
    uid: Count = _in("Docker", 1001, "User that owns the files on the share.")
    gid: Count = _in("Docker", 1001, "Group that owns the files on the share.")
    # fmt: on

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _otel: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (pydantic's signature, here and below)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: `load` alone reads the world, so that a test's settings depend on nothing."""
        return (init_settings,)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
        """Read the environment and the first pixyz-scheduler.conf there is; the environment wins.

        An empty value means the default. Relative folders count from `cwd`.

        Raises:
            SettingsError: every wrong setting at once: its name, source and value, and what is allowed.
        """
        environ, cwd = os.environ if environ is None else environ, Path.cwd() if cwd is None else cwd
        found = sources.gather(cls.model_fields, environ=environ, cwd=cwd)
        if found.problems:
            raise SettingsError("\n".join(found.problems))
        return cls.of(found, cwd=cwd)

    @classmethod
    def of(cls, found: sources.Gathered, *, cwd: Path) -> Settings:
        """The settings that were gathered; raises SettingsError."""
        settings = sources.build(cls, found.lines, cwd=cwd)
        settings._origins = {name: line.where for name, line in found.lines.items()}  # noqa: SLF001  (our own)
        settings._warnings = found.warnings  # noqa: SLF001  (our own)
        settings._otel = found.otel  # noqa: SLF001  (our own)
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should be told: names that are no setting."""
        return self._warnings

    def origin(self, name: str) -> str | None:
        """Where a setting (`"SHARE_PATH"`) was read, to be named in an error; None for a default."""
        return self._origins.get(name.lower())

    @property
    def otel(self) -> Mapping[str, str]:
        """All that is set of OpenTelemetry's own names, `OTEL_*`. May hold keys."""
        endpoint = self.otel_exporter_otlp_endpoint.get_secret_value()
        return {**({_ENDPOINT: endpoint} if endpoint else {}), **self._otel}

    @property
    def in_process(self) -> bool:
        """Whether a worker runs scripts in its own process."""
        return self.debug or self.celery_always_eager

    @property
    def job_time_limit(self) -> float:
        """Seconds for a job of the API that names no limit: PIXYZ_TIME_LIMIT where somebody set it, else 3600."""
        return self.pixyz_time_limit if self.origin("PIXYZ_TIME_LIMIT") else 3600.0

    @property
    def store_is_configured(self) -> bool:
        """Whether the user named a store; else the embedded one runs."""
        return any(name.startswith("redis_") or name == "celery_broker_url" for name in self._origins)

    @property
    def store(self) -> StoreUrl:
        """The store's address, at the database of queues."""
        if url := self.celery_broker_url.get_secret_value():
            return StoreUrl.parse(url)
        return StoreUrl.tcp(
            self.redis_master_service_host,
            self.redis_master_service_port,
            password=self.redis_password.get_secret_value(),
            database=int(self.redis_database),
        )

    @property
    def broker_url(self) -> str:
        """For Celery. Holds the password."""
        url = self.celery_broker_url.get_secret_value()
        return self.store.kombu if not url or url.startswith("unix:") else url  # kombu knows no unix://

    @property
    def result_backend(self) -> str:
        """For Celery. Holds the password."""
        store = self.store
        results = store.with_database(results_database(str(store.database)))
        return self.celery_result_backend.get_secret_value() or results.kombu

    @property
    def store_url(self) -> str:
        """For redis-py, where the records live: the database of queues. Holds the password."""
        return self.store.redis_py

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a log."""
        held = (
            *(self.redis_password, self.god_password_sha256, self.metrics_password_sha256),
            *(self.celery_broker_url, self.celery_result_backend),
        )
        texts = (secret.get_secret_value() for secret in held)
        return tuple(filter(None, (*texts, *sources.keys_in(self._otel))))
