"""The way of the events: outbox, publisher, router, hub, reader."""
