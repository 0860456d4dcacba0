"""What a job is: values and decisions. Nothing here touches a disk, a socket or a clock."""
