"""Token estimates for content that no provider has counted."""
