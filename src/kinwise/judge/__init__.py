"""How well it did. Judges anybody's predictions; never needs a network."""
