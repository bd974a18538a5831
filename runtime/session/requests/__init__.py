"""What a session's requests need: their task, the clients, and the secrets of their providers."""
