"""From the rows of a query to a frozen list: what is read, what is a call, what is set aside and why. Sends nothing.

``freeze`` is where it comes together: ``warehouse`` gives rows, ``rows`` makes calls of them, ``finish_times`` finds
those that would come too late, ``spool`` compares them, and ``list_files`` writes them down.
"""
