"""Who isn't called by the user's rules: those whom a query excludes, when freezing and before each send; a holdout."""
