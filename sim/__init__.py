"""The hardware held against the model: engines, scoreboard, test bench."""
