"""What the campaign's report tells of a list's calls, and which of its jobs are other tasks'. Sends no call.

``reconcile`` is what others ask, and ``server_questions`` asks it for all batches of a try. What follows from an answer
is decided in ``send``.
"""
