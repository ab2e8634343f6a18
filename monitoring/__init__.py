"""How this instance is: health, probes and the figures that other packages publish."""
