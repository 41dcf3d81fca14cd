"""Measurements of Tandem on this machine; never deployed."""
