"""The tool uses of an answer: their results, and the approvals that they wait for."""
