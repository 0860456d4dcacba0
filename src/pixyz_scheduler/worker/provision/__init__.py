"""What a job brings or asks for before its script begins: packages, an input by URL. All of it runs in the child."""
