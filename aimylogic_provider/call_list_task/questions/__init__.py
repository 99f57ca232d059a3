"""What tasks of call lists ask people: about parked calls, before a list is sent, and whether to approve it."""
