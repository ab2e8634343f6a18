"""Which system checks a process needs that is told to work, not developed."""

CONFIGURATION = "configuration"
"""The tag of what an operator can have got wrong, as against a developer."""
