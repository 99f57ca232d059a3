"""From rows to a frozen list: what is read, what is a call, what is set aside and why. Sends nothing.

``freeze`` is where it comes together: ``warehouse`` gives a query's rows and ``rows`` makes calls of them,
``given_calls`` does so of calls that a DAG gives; ``finish_times`` finds those that would come too late, ``spool``
compares them, and ``list_files`` writes them down.
"""
