"""Servers of this machine's own for the demo, the tests and the benchmarks: Airflow, the emulator, databases.

Each is a context manager, on a free port. Nothing here is in the wheel.
"""
