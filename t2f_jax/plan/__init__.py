"""Training planned before a chip is rented: compiled for a topology, counted, and bounded."""
