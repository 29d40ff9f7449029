"""The report of a run: markdown, JSON and figures, made from its record alone; nothing here trains or decides.

``reports.write.write_report`` writes it; ``python -m reports`` does so from the command line.
"""
