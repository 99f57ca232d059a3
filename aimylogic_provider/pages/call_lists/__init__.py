"""The page *Call lists*: by DAG and run, how far each list came, what became of its calls, and what was set aside."""
