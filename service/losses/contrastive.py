"""Embeddings in batches: every row against the others, against proxies, or against a second view."""
