"""Many trainings: studies over combinations of values, and searches for good ones."""
