"""engine_of: the choice of an engine that the settings make. Apart: scripts are spared pydantic."""

from pixyz_scheduler.engine.choice import EngineChoice, LicenceTerms
from pixyz_scheduler.settings.settings import Settings


def engine_of(settings: Settings) -> EngineChoice:
    """The engine of a worker's jobs, or of a local run."""
    return EngineChoice(
        name=settings.engine,
        disabled=settings.disable_pixyz,
        sdk=settings.pixyz_python_path,
        licence=LicenceTerms(
            flexlm=settings.license_flexlm,
            host=settings.license_host,
            port=settings.license_port,
            at_start=settings.license_acquire_at_start,
            timeout=settings.license_timeout,
        ),
    )
