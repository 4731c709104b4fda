"""gitstore: git is the database of a team's conda environments."""

__version__ = "0.1.0"
