"""Scripts, read without running them."""
