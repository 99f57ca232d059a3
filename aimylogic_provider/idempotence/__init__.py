"""How a call is added exactly once: keys, records, limits, and the decision. No Airflow, no network.

``keys`` tells which request a call is; ``record`` what is durably known of it; ``situation`` all that is known when a
decision is due; ``time_limits`` until when what holds; ``decision`` what to do next, as one pure function; ``attempt``
does it, through ``ports`` and ``server_time``; ``messages`` has the words for people.
"""
