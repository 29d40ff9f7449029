"""The lecture's data: MNIST from a checksummed file, and the small literal arrays of the slides."""
