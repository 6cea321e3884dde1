"""What a run has measured: histograms, counts over time, and how those of several processes become one."""
