"""A campaign's whole report of jobs or of attempts: by time without a gap, or by ids. No Airflow, no database.

What became of a list's calls says ``call_list``, whether jobs are over ``waiting``; here rows are only read.
``report_reader`` reads a time range by windows, ``reports_by_id`` what is named. Sends nothing that adds a call.
"""
