"""Where a process listens, and what its peers need to know."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """The addresses of a listener, and its secret. Only Ray calls carry it.

    *path* is that of a Unix domain socket, for peers on the node *node_id*; *host* and *port* are for all others.
    """

    node_id: str
    path: str
    host: str
    port: int
    secret: bytes

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Endpoint(node_id={self.node_id!r}, path={self.path!r}, host={self.host!r}, port={self.port})"
