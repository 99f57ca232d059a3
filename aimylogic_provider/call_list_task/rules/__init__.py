"""The rules by which people aren't called, as tasks of call lists know them: arguments, and what is looked at when."""
