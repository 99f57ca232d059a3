"""The traces that sends leave for other tasks to know of: those of single calls, and those of lists."""
