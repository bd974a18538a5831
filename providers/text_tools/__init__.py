"""Tools for models that have none: a text protocol, from tool definitions to a prompt and from answers to tool uses."""
