"""Files: the shared folder of each job, an attempt's own folder, archives, and what is past its time."""
