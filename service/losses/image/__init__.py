"""Image quality and depth."""
