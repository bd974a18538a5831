"""The past of a conversation: snapshots of it, and what it was after an earlier turn."""
