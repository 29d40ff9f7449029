"""What the reports call the course."""

TITLE = "Deep Learning Zero to All, lab 10"
AUTHOR = "Sung Kim"
SLIDES = (
    "Lab 10-1. Softmax",
    "Lab 10-2. Two hidden layers",
    "Lab 10-3. Xavier initialization",
    "Lab 10-4. Four wide hidden layers",
    "Lab 10-5. Dropout",
    "Lab 10-6. Batch normalization",
)
