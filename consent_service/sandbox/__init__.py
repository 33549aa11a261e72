"""Local ID-porten, Maskinporten and Digipost as real HTTP servers; refuses to start in production."""
