"""The lists of a DAG run, beside each other: where they lie, which were begun, and what a task sends by that.

Reads folders of lists, and sends nothing. A single list, once it is found, is ``store``'s.
"""
