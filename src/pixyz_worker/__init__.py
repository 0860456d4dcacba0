"""Pixyz Scheduler as users' scripts import it."""
