"""What the campaign's report tells of a list's calls, and which of its jobs are other tasks'. Sends no call.

``reconcile`` is what others ask. For all batches of a try ``send`` does, one at a time. What follows from an answer
is decided in ``send``.
"""
