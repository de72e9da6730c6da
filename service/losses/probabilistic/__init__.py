"""Likelihoods and scoring rules."""
