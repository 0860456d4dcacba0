"""HTTP, translation only: requests to use cases, reports to JSON, errors to statuses."""
