"""Everything that goes through Redis: records, doorbells, the farm, the embedded server."""
