"""The page *Campaigns*: how each connection's campaign stands, and pausing, resuming and stopping it."""
