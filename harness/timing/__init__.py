"""Times engines against each other on the same training (``measure``), and compares with stored times (``slower``)."""
