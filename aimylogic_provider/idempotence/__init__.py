"""How a call is added exactly once: keys, records, and the decision. No Airflow, no network.

``keys`` tells which request a call is; ``records`` what is durably known of it; ``decision`` what to do next, as
one pure function; ``attempt`` does it, through the ports that it is given.
"""
