"""What the environment and pixyz-scheduler.conf say, read once and typed."""
