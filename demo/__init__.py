"""What ``make demo`` and ``make up`` run; the tests use its real Airflow too."""
