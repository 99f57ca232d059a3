"""What people read of a task on Airflow's pages, and choose there: answers by their labels."""
