"""What measured figures of the documentation are made with; each module says its command."""
