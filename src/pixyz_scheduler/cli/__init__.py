"""The command line: `pixyz-scheduler`. Needs nothing of the server until a server's command is called."""
