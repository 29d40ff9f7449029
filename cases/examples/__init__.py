"""6. Examples: the four programs of the lecture, one module each."""
