"""`python -m pixyz_scheduler` is the command `pixyz-scheduler`."""

from pixyz_scheduler.cli.main import main

if __name__ == "__main__":
    main()
