"""Waiting for call jobs to be over: what to ask next, and what is known. No Airflow, no sockets; sends nothing."""
