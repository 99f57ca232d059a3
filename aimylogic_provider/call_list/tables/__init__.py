"""What stands in the results table's database: a line for each row, and which list holds which row (claims)."""
