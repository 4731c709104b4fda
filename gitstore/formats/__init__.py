"""Lockfiles of other tools: what can be read of them, and what ours is written as. All pure."""
