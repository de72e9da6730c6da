"""Likelihoods and scoring rules: a distribution is predicted, a number observed."""
