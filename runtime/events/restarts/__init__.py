"""What a router that was restarted learns from the hosts of its sessions."""
