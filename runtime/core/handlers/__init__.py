"""What each event does to the state of a conversation."""
