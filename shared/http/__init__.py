"""The HTTP contract, and how events become requests and values become answers."""
