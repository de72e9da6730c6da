"""Alignments and structured outputs: CTC, transducers, chains, warped time."""
