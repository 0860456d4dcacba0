"""Work that was done before: its outputs answer a job that asks for the same."""
