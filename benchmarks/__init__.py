"""What the runtime costs: each program here measures one thing, next to what one would use instead."""
