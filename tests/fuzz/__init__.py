"""Fuzzing of every file reader: what is read, how it is spoilt, what is watched meanwhile."""
