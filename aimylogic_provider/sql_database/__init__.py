"""What any SQL database asks of whoever writes to it. Knows no Airflow, and no table: those are their owners'."""
