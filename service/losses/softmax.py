"""Kin of the cross entropy of a softmax."""
