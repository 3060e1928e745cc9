"""`python -m seapo`, which `accelerate launch -m seapo train RUN` starts in each process."""

from seapo.cli import main

if __name__ == "__main__":
    main()
