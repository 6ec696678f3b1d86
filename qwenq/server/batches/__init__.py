"""What becomes of a batch: validated, expired, finalized; any process takes up what another left."""
