"""The routes, one file a subject. Each is built by a function that is handed what it needs."""
