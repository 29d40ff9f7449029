"""What the reports call the course. Without this module they use the name of its folder."""

TITLE = "Three growers of wine"
AUTHOR = "An example of lecture-claims"
SLIDES = ("1. The data", "2. Training", "3. Networks")
