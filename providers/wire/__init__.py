"""What goes over the wire: each API's requests and answers, encoded and decoded without a network or an SDK."""
