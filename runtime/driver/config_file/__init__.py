"""A file that configures a runtime and its sessions."""
