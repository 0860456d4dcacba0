"""Outside the child: takes jobs, runs each in a child of its own, and says how it ended."""
