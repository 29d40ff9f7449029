"""What the lecture's methods do, written in NumPy and float64 from documentation and papers, and not from Keras' code."""
