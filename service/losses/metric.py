"""Embeddings: pairs, triplets and distances."""
