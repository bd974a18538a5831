"""Authentication that several vendors share: AWS credentials and signatures, tokens of Entra."""
