"""The event loop: uvloop's where it is installed."""

import asyncio


def event_loop() -> asyncio.AbstractEventLoop:
    """A new one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
