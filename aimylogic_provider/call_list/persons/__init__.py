"""How often persons are called: caps across lists and DAGs, claimed before a send, and looked at as a list is frozen.

The tables are described in ``tables``. Nothing of a phone is kept but a keyed hash.
"""
