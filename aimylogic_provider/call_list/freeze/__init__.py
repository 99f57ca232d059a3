"""From the rows of a query to a frozen list: what is read, what is a call, what is set aside and why. Sends nothing."""
