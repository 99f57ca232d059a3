"""What is durable of call lists: the objects in their folders, and the entry that a task keeps. Decides nothing."""
