"""How a call is added exactly once: keys, records, and the decision. No Airflow, no network.

``keys`` tells which request a call is; ``records`` what is durably known of it; ``situation`` all that is known when a
decision is due; ``decision`` what to do next, as one pure function; ``one_try`` does it, through ``ports`` and
``clocks``; ``explanations`` has the words for people.
"""
