"""Builders: locked packages become a prefix, an archive of it, and the proof that it runs."""
