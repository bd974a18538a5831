"""What runs in Ray: session actor, router actor, directory, actor pool."""
