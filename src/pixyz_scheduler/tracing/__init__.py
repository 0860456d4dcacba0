"""TRACES: what was done when, for whoever collects it; nothing, where nobody does."""
