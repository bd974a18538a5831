"""How an endpoint of the Messages API is reached: authentication, headers, the facts that it serves."""
