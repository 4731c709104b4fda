"""Executors: where tasks run. Local worker processes by default."""
