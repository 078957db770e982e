"""Where lines come from: one module for each protocol."""
