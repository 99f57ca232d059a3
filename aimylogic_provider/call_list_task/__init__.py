"""A call list as a task of Airflow handles it: what the operators that freeze and send lists are made of.

``call_list_base`` is what they all have, ``prepare_base`` and ``send_base`` the halves of a sync, ``sync_base`` both in
one task; ``query_base`` freezes the rows of a query. Beside them: where a sync's entry is kept, its databases, and what
a task does with the results table and its claims. What a list is, and how it is sent, stands in ``call_list``, which
knows of no task.
"""
