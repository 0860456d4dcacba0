"""The processes in which attempts run: made ahead, watched, weighed, frozen, ended whole."""
