"""The errors that users' scripts raise and catch."""

from pixyz_scheduler.script.faults import (
    InternalError,
    InvalidFile,
    PixyzException,
    PixyzExecutionFault,
    PixyzExitFault,
    PixyzFileNotFound,
    PixyzSecurityViolation,
    PixyzSharedDirectoryNotFound,
    PixyzSignalFault,
    PixyzTimeout,
)

__all__ = [
    "InternalError",
    "InvalidFile",
    "PixyzException",
    "PixyzExecutionFault",
    "PixyzExitFault",
    "PixyzFileNotFound",
    "PixyzSecurityViolation",
    "PixyzSharedDirectoryNotFound",
    "PixyzSignalFault",
    "PixyzTimeout",
]
