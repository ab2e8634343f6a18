"""What this machine and this configuration carry, and what a load needs, by measuring."""
