"""A wait for call jobs as a task of Airflow does it: in the worker or by a trigger. What a wait asks: ``waiting``."""
