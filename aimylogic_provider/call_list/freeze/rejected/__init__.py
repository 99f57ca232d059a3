"""Rows that can't be called: counted by reason, written down for people, and how many of them there may be."""
