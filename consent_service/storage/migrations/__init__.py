"""How the schema came to be: one revision a file in ``versions``, and the connection they run on."""
