"""The report of a run: Markdown, JSON and figures, made from the run's record alone. Nothing here trains or decides.

``reports.write.write_report`` writes a report; ``python -m reports`` does the same from the command line.
"""
