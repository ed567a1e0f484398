"""Fit scaling laws to training runs and forecast losses."""
