"""Whether pictures are right on processors with AVX2 alone."""
