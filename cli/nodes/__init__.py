"""Commands about the nodes of a cluster, and the sessions on them."""
