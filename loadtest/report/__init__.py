"""The report: one HTML file that needs nothing else, a CSV, and a summary for the next run."""
