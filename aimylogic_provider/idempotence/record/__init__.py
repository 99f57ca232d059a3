"""What is durably known of a task instance's calls: the entry, its JSON, and its second copy. Decides nothing."""
