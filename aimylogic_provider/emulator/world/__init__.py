"""What the emulated server knows, and how it goes on: campaigns, jobs, dialler, keys, clock, faults. No HTTP."""
