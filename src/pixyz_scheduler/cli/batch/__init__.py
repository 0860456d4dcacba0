"""`batch`: one process or script over many files, which can be run again to do what is left."""
