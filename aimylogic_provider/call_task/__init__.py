"""One call as a task of Airflow adds it: which call that is, what a person is asked of it, and what its end tells."""
