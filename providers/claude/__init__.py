"""What holds for Claude wherever it is served: at Anthropic, in Foundry and on Bedrock."""
