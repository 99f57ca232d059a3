"""How the emulated server is asked: requests and answers as values, routes, documents, and the sockets."""
