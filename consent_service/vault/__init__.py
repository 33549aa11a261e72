"""Every personal part sealed under its owner's key; opening for the owner and for a recipient are apart."""
