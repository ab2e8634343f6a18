"""Where agents' words come from: one folder per provider behind the interface in `base`."""
