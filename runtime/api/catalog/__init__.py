"""The catalog of sessions: how each is labelled, what is listed of it, and how long it is kept."""
