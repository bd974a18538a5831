"""The rules that both of OpenAI's APIs have in common, and those for tools."""
