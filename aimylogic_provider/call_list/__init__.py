"""The call list of a sync: frozen once from the warehouse, stored, sent in batches, and resumed by later tries.

``freeze`` makes a list of a query's rows, ``store`` keeps lists and what became of them, ``send`` sends one, ``report``
asks the campaign's report, and ``tables`` is what stands in the results table's database. Nothing here knows of
operators, nor of Airflow.
"""
