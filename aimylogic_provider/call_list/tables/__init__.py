"""What stands in the results table's database: a line for each row, and which list holds which row (claims).

Any database that SQLAlchemy knows. What a task does with them, and when, stands in ``call_list_task``.
"""
