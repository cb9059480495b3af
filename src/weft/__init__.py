"""weft runs plain blocking Python concurrently."""
