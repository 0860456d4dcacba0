"""What was sent, looked at before it becomes a job: nothing of it is run."""
