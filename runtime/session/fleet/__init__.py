"""What sessions of a host are told together, and the templates that they follow."""
