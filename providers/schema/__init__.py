"""The vocabulary that all providers share: content, tools, deltas, usage, errors, requests, Client protocol."""
