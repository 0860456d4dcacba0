"""Starts the scheduler's processes on one machine, watches them, restarts what dies, ends all in order."""
