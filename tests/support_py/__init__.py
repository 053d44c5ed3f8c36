"""Helpers of the Python tests; imported by the driver only, never by a target interpreter."""
