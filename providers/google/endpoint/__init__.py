"""How the Gemini API and Vertex AI are reached: addresses, headers, credentials."""
