"""The call list of a sync: frozen once from the warehouse, stored, sent in batches, and resumed by later tries.

``rows`` makes calls of rows, ``freeze`` a list of them, ``stored`` reads and writes a list, and ``objects`` its folder.
``decision`` says what to do about what was sent, ``entry`` keeps what is noted before it leaves, ``reconcile`` asks the
report, and ``sending`` drives them all; ``shard_reports`` sums what became of its shards. Nothing here knows of
operators.
"""
