"""What is for many sessions: config files, and which sessions a call is for."""
