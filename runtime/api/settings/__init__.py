"""What settings are made of, and how messages change them."""
