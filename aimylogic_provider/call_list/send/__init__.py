"""Sending a frozen list: what to do next about each batch, and doing it. What is durable is kept by ``store``.

``sending`` goes through the batches, ``decision`` tells what to do, ``by_endpoint`` does it, ``send_notes`` has it
noted before, and ``shard`` knows what is durable of them. How a try ends: ``unsettled_calls``, ``nobody_reached``.
"""
