"""The catalogue: a static site of what every namespace has, made from git alone."""
