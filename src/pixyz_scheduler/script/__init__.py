"""What lives inside the child that runs a user's script."""
