"""Call jobs of ours that are open, as a task chooses them, and withdraws those whom a query no longer selects.

What the report shows of them, ``results_update`` brings home before.
"""
