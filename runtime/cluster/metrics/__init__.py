"""How metrics reach Ray: session actors report to a router, and the shared actors export."""
