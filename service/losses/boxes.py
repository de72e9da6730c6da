"""Overlap of pairs of boxes."""
