"""The 3D engine behind one protocol: `base` says what it does, `select` finds the one that is installed."""
