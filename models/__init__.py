"""Models that Darkroom trains itself, so that a fresh checkout works without a network."""
