"""What is remembered from one debate to the next. The package holds its place in the layout; no
version of it has been released, and nothing depends on it."""
