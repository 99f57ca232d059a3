"""The emulated server without its HTTP: campaigns, jobs, dialling, keys, clock, faults, and all of it as a snapshot.

Time is given, but for the clock's own module; nothing here imports from ``http``.
"""
