"""The rules: numbers in, a Decision out."""
