"""What is told of a farm to those who watch it: figures for Prometheus, by API and workers alike."""
