"""How the emulated server is reached: requests and answers as values, routes, documents, faults, and the sockets.

What happens to campaigns and jobs stands in ``world``.
"""
