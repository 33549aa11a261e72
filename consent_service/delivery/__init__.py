"""The outbox, its worker, and the letters that wait in it sealed."""
