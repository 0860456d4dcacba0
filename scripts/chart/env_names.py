"""Env names: which variables of the chart's pods are settings, which of these the chart owns, and which are others'."""

from pydantic import SecretStr

from pixyz_scheduler.settings.settings import Settings

SETTINGS = frozenset(name.upper() for name in Settings.model_fields)

# Those that the chart sets by values of its own, that hold a secret, or that mean nothing in a pod.
OWNED = frozenset(
    [
        *("REDIS_MASTER_SERVICE_HOST", "REDIS_MASTER_SERVICE_PORT", "REDIS_PASSWORD", "REDIS_DATABASE"),
        *("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DATA_PATH", "API_HOST", "API_PORT"),
        *("GOD_PASSWORD_SHA256", "METRICS_PASSWORD_SHA256"),
        *("SHARE_PATH", "PROCESS_PATH", "QUEUE_NAME", "POOL_TYPE", "CONCURRENT_TASKS", "MAX_TASKS_BEFORE_SHUTDOWN"),
        *("IDLE_TIMEOUT", "PIXYZ_TIME_LIMIT", "PIXYZ_RETRY_TIME_LIMIT", "PREPARATION_TIME_LIMIT", "DRAIN_TIMEOUT"),
        *("MAX_MEMORY_USAGE", "MAX_MEMORY_USAGE_GPUHIGH", "METRICS_PORT", "METRICS_HOST", "DISABLE_PIXYZ", "ENGINE"),
        *("LICENSE_FLEXLM", "LICENSE_HOST", "LICENSE_PORT", "LICENSE_ACQUIRE_AT_START", "LICENSE_TOKENS"),
        *("DOCKER_REDIS_IMAGE", "DOCKER_API_IMAGE", "DOCKER_WORKER_IMAGE", "PIXYZ_IMAGE_BASE", "PIXYZ_IMAGE_VERSION"),
        *("UID", "GID"),
    ]
)
GIVEN = SETTINGS - OWNED

# Variables in pods that are no settings, each for a program that reads it.
OTHERS = {
    "HOME": "the root is read-only",
    "TMPDIR": "the root is read-only",
    "PIXYZ_URL": "the client of `helm test`",
    "PIXYZ_TOKEN": "the client of `helm test`",
    "FLOWER_BASIC_AUTH": "Flower",
    "REDISCLI_AUTH": "the store's client, in its probe",
    "VALKEYCLI_AUTH": "the store's client, in its probe",
}
OTHERS_PREFIX = "OTEL_"

_OURS = {name.upper() for name, field in Settings.model_fields.items() if isinstance(field.get_default(), SecretStr)}
_THEIRS = {"PIXYZ_TOKEN", "FLOWER_BASIC_AUTH", "REDISCLI_AUTH", "VALKEYCLI_AUTH", "OTEL_EXPORTER_OTLP_HEADERS"}
# An address whose key has a variable of its own, and is refused where it has one in it.
_NO_SECRET = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
SECRET = frozenset(_OURS | _THEIRS) - _NO_SECRET


def is_known(name: str) -> bool:
    """Whether a pod of ours may have that variable."""
    return name in SETTINGS or name in OTHERS or name.startswith(OTHERS_PREFIX)
