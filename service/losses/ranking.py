"""Lists of items to be put in order."""
