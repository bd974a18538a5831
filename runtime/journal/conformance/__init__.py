"""Tests that every journal passes, for authors of other stores."""
