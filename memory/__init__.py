"""What is remembered from one debate to the next: bounded, scoped, and found again."""
