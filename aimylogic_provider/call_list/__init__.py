"""The call list of a sync: frozen once from the warehouse, stored, sent in batches, and resumed by later tries.

``rows`` makes calls of rows, ``freeze`` a list of them, ``stored`` reads and writes a list, and ``objects`` its folder.
``decision`` says what to do about what was sent, ``entry`` keeps what is noted before it leaves, ``reconcile`` asks the
report. ``shard`` is what a task knows of its part of the list; ``questions``, ``noting``, ``pace`` and ``refusals`` are
what ``by_list`` and ``by_number`` send a batch with, and ``sending`` drives them all. ``shard_reports`` sums what came
of the shards. Nothing here knows of operators.
"""
