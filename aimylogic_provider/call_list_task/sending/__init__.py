"""What a task does around the sending of a list: what it tells of that, and whom its list holds once it has ended."""
