"""Export: a run becomes one file that answers without kinwise, its preprocessing and calibration inside, verified."""
