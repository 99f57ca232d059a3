"""Sending a frozen list: what to do next about each batch, and doing it. What is durable is kept by ``store``."""
