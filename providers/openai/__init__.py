"""OpenAI's Chat Completions and Responses APIs, servers compatible with them, and Azure OpenAI."""
