"""The page and the model card that a run leaves for people: what was measured, drawn and told in plain sentences."""
