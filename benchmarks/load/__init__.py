"""The load: a server that speaks as providers do, in a process of its own."""
