"""What a Python program uses: Runtime, session handle, reply, blocking API."""
