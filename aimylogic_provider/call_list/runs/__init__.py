"""The lists of a DAG run, and of a task's runs, beside each other: where they lie, which were begun, whom they called.

Reads folders of lists, and sends nothing. A single list, once it is found, is ``store``'s.
"""
