"""What the campaign's report tells of a list's calls, and which of its jobs are other tasks'. Sends no call."""
