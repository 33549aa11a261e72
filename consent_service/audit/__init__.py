"""The access log: a chain for each candidate, every entry a leaf of one Merkle log."""
