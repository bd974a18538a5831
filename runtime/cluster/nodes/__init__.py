"""The nodes of the cluster: what they have, where actors are placed, and how sessions leave a node."""
