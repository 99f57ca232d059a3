"""The call list of a sync: frozen once from the warehouse, stored, sent in batches, and resumed by later tries.

``freeze`` makes a list of a query's rows, ``store`` keeps a list and what became of it, ``runs`` tells the lists of a
DAG run apart, ``send`` sends one, ``report`` asks the campaign's report, and ``tables`` is what stands in the results
table's database. Nothing here knows of operators, nor of Airflow.
"""
