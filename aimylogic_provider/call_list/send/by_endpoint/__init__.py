"""How a batch is sent by either endpoint: addPhones takes a request of many numbers, addPhone one number a request."""
