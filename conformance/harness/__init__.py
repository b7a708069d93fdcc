"""What the conformance checks share: the server under test, test media, encoders that push, and the report."""
