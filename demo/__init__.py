"""What ``make demo`` and ``make up`` run."""
