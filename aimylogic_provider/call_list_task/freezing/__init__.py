"""Freezing a call list as a task does it: where rows come from, the policy of all, and what is told of the list."""
