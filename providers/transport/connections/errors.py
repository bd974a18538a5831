"""What goes wrong with a connection. Each is an ``OSError``."""


class ConnectFailed(ConnectionError):
    """No connection could be opened."""


class ServerDisconnected(ConnectionError):
    """The server closed or reset the connection before the end of its response."""


class InvalidResponse(OSError):
    """What the server sent is no HTTP/1.1 response, or one that cannot be read here."""
