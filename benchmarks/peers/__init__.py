"""The peers: what the runtime is compared with, written as one would write it."""
