"""Event delivery: outbox, publisher, event log, router, reader, transport."""
