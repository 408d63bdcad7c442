"""Numbers and mathematics: formats, curves, the golden and the fixed model."""
