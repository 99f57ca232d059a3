"""The page *Waiting for a person*: parked calls and lists, approvals, brakes; answered one by one, or many at once."""
