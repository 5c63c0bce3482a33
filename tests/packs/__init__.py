"""A package, so that its fixtures, which replace the weights of the whole process, end with its last test."""
