"""The command line `python train.py ...`: what it writes, what it prints, what it refuses."""
