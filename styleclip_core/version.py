"""The version of the program, which the wheel and the files that it writes name."""

__version__ = "1.0.0"
