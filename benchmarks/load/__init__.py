"""The load server, which speaks as providers do, in its own process; its clients and schedules."""
