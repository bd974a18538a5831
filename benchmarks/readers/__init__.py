"""Answer readers: clients that read one streamed answer, ours beside the vendors' SDKs and bare loops."""
