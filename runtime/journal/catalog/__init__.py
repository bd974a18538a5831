"""The catalog of a journal: what it says of each session, to list, count, find and expire them."""
