"""Decoding the JSON of servers that deviate from the documents: the slow way, taken when the strict one has failed."""
