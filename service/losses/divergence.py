"""Distances between distributions, and distillation."""
