"""Tests of the rules, on synthetic trials with known truth."""
