"""The composition root: builds the doors, frames them in ASGI, answers errors, runs the migrations."""
