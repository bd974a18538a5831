"""A model of a cluster: its processes as queues in virtual time, with the costs that a run has measured."""
