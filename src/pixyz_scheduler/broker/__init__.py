"""Everything that goes through Redis."""
