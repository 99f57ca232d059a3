"""What Airflow is told of where data came from, and where it went. No task fails, waits or sends by it."""
