"""HTTP as the clients use it: the channel, stream framing, fault tables and rate-limit headers."""
