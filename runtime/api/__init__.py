"""The public types: ToLLM, FromLLM, configs, status, errors, options."""
