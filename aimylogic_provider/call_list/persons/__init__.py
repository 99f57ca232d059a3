"""How often persons are called: caps across lists and DAGs, looked at as a list is frozen, and before each request.

They are claimed in tables, which ``tables`` describes, and in which nothing of a phone is kept but a keyed hash; or a
task's own lists hold them, which are read by ``runs``.
"""
