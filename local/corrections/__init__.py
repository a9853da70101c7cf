"""What the emulator does otherwise than AWS documents, put right: one function for each behaviour, one file for each service."""
