"""The rules that requests and histories must keep, written apart from the code that makes them."""
