"""Solvers: py-rattler for the conda half."""
