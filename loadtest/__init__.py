"""A black-box load test: whatever speaks Darkroom's HTTP contract can be put under load."""
