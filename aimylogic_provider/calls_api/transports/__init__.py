"""How requests reach a server. Each sends once, follows nothing, repeats nothing. Only here are sockets."""
