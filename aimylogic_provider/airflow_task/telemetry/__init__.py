"""What tasks tell whoever watches: metrics by Airflow's own stats, and spans. Nothing here fails a task, or sends."""
