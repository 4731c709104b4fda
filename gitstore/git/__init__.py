"""Repositories: read trees, write commits without a work tree, compare-and-swap refs."""
