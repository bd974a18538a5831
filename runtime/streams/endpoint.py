"""Where a process listens, and what its peers need to know."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """The addresses of a listener, and its secret. Only Ray calls carry it.

    *name* is the abstract name of a Unix domain socket, for peers on the node *node_id*; where there are none, it is
    empty. *host* and *port* are for all others.
    """

    node_id: str
    name: str
    host: str
    port: int
    secret: bytes

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Endpoint(node_id={self.node_id!r}, name={self.name!r}, host={self.host!r}, port={self.port})"
