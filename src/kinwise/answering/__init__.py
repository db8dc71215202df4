"""What a run answers about new pictures: with a confidence per level, stopping where it is not sure."""
