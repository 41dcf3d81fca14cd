"""Adopting estimators that somebody else fitted: what is in their files, and what their columns hold."""
