"""What comes before a list is sent as a whole: a call to one's own phone, and the first calls, which are waited for."""
