"""Pages in Airflow's UI: what they show, who may see it, and what they do. Imported by Airflow's API server alone."""
