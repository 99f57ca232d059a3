"""Tables of call jobs and attempts, as a campaign's report shows them, in any SQL database. Knows no Airflow.

``table_shapes`` describes them once, ``shape_check`` compares what is there, ``report_rows`` makes a row of a job or an
attempt. ``jobs_table`` and ``attempts_table`` are tables that are open (``report_table`` is what they have in common),
``upserts`` how rows are written, ``later_row`` which of them are, ``read_marks`` until when the report was read.
"""
