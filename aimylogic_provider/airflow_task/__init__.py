"""What a task of Airflow gives and takes, and all that differs between Airflow's versions. No call lists, no requests.

What Airflow knows of a try (``run_context``, ``task_loops``), where its record is kept (``task_state``,
``second_record_stores``, ``assets``), what templates make of arguments (``template_values``, ``mapped_templates``),
what its pages show (``masked_rendering``, ``masked_fields``), what people are asked (``required_actions``), and what
else runs with a task, or after it (``one_at_a_time``, ``downstream_skips``).
"""
