"""Findings, results, and how they are shown: tables, plots, a page, a comparison with an older result."""
