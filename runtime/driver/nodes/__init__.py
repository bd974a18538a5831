"""The nodes of the cluster, for programs."""
