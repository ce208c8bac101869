"""One file for each table of the performance design's section on the picture."""
