"""Who is rung when: hours, the queue for a line, and the dialler that draws how each attempt ends."""
