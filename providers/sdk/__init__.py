"""The vendors' SDKs: the versions tested with, and which errors mean that one has changed."""
