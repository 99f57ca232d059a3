"""Tables of call jobs and attempts, as a campaign's report shows them, in any SQL database. Knows no Airflow.

``table_shapes`` describes them once, ``shape_check`` compares what is there, ``report_rows`` makes a row of a job or an
attempt. ``report_table`` is a table that is open, ``upserts`` how its rows are written, ``later_row`` which of two
readings counts, ``read_marks`` until when the report was read into it.
"""
