"""How a task's log ends: a summary, and one short line of why it failed. Nothing here fails a task, or sends."""
