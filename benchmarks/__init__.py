"""Commands that measure figures of the documentation; each module names its command."""
