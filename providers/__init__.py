"""The words of a conversation, and one file per provider."""
