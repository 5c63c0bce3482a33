"""Networks as plain modules: no files, no downloads, no choice of a device."""
