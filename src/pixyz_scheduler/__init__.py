"""Pixyz Scheduler: 3D jobs over HTTP, carried by Celery, each run in a child process of its own."""

__version__ = "0.1.0"
