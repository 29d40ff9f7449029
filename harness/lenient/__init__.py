"""Importing a package so that a mistake in a module costs what depends on it, and nothing else.

A module that runs is imported as ever. One that fails is run again statement by statement: what fails is left out and
reported, with it whatever uses a name that is then missing, and the rest of the module is there to be used.
"""
