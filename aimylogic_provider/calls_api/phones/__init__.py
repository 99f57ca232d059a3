"""Phone numbers: how what people and programs write is read, checked, and brought to one canonical form."""
