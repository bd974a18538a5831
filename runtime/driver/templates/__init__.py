"""The templates that sessions of a program follow."""
