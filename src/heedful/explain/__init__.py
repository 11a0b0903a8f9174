"""What a network looked at, and whether that explains anything: a file a method, all of them over one `Trace`."""
