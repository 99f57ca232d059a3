"""Apache Airflow provider for Aimylogic call campaigns."""

__version__ = "0.1.0"
