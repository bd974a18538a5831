"""Building blocks of request and response bodies that several vendors share."""
