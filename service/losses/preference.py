"""Preferences between answers, from log-probabilities."""
