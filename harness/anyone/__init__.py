"""Checks of anyone's trainings and claims, without a course."""
