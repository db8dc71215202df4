"""``python -m kinwise`` is the command ``kinwise``; ``torchrun -m kinwise`` needs it."""

from kinwise.cli import main

if __name__ == "__main__":
    main()
