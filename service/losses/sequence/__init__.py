"""Sequences and alignment."""
